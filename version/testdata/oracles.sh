#!/bin/sh
# Installs, on Debian, the tools whose answers the differential tests compare
# with: go test -tags oracle ./version
set -eu
apt-get update -q
apt-get install -q -y --no-install-recommends \
  dpkg rpm pacman-package-manager node-semver python3-packaging ruby \
  php-cli php-composer-semver libmaven3-core-java default-jdk-headless \
  elixir r-base-core librust-semver-dev rustc
