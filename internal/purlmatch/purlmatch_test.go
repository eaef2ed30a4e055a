package purlmatch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatches(t *testing.T) {
	const (
		openssl = "pkg:rpm/rhel/openssl-libs@3.0.7-25.el9_3?arch=x86_64&distro=rhel-9.3&epoch=1&upstream=openssl@3.0.7-25.el9_3"
		ssl     = "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=openssl"
		musl    = "pkg:apk/alpine/musl@1.1.19-r10?arch=x86_64&distro=alpine-3.8.5"
	)
	tests := []struct {
		pattern, purl string
		want          bool
	}{
		{"pkg:npm/lodash", "pkg:npm/lodash@4.17.20", true},
		{"pkg:npm/lodash@4.17.20", "pkg:npm/lodash@4.17.20", true},
		{"pkg:npm/lodash@4.17.21", "pkg:npm/lodash@4.17.20", false},
		{"pkg:npm/core", "pkg:npm/%40babel/core@7.0.0", false}, // the scope is part of the name
		{"pkg:npm/%40babel/core", "pkg:npm/%40babel/core@7.0.0", true},
		{"pkg:pypi/lodash", "pkg:npm/lodash@4.17.20", false},
		{"pkg:pypi/Foo_Bar", "pkg:pypi/foo-bar@1", true}, // as the type has it
		{"pkg:golang/golang.org/x/net@0.17.0", "pkg:golang/golang.org/x/net@v0.17.0", true},
		{"pkg:golang/golang.org/x/net#html", "pkg:golang/golang.org/x/net@v0.17.0", false}, // a part of it only
		{"pkg:maven/org.apache/log4j?type=jar", "pkg:maven/org.apache/log4j@1", true},      // not known of the package
		{"pkg:maven/org.apache/log4j?classifier=a", "pkg:maven/org.apache/log4j@1?classifier=b", false},
		{"pkg:deb/debian/libssl3", ssl, true},
		{"pkg:deb/libssl3", ssl, true},
		{"pkg:deb/ubuntu/libssl3", ssl, false},
		{"pkg:deb/debian/openssl?arch=source", ssl, true},
		{"pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=source", ssl, true},
		{"pkg:deb/debian/openssl", ssl, false}, // there is no such binary package
		{"pkg:deb/debian/libssl3@0:3.0.15-1~deb12u1", ssl, true},
		{"pkg:deb/debian/libssl3@1:3.0.15-1~deb12u1", ssl, false},
		{"pkg:deb/debian/libssl3?arch=arm64", ssl, false},
		{"pkg:deb/debian/libssl3?distro=debian-12.5", ssl, true},
		{"pkg:deb/debian/libssl3?distro=bookworm", ssl, true},
		{"pkg:deb/debian/libssl3?distro=debian-bookworm", ssl, true},
		{"pkg:deb/debian/libssl3?distro=trixie", ssl, false},
		{"pkg:deb/debian/libssl3?distro=debian-1", ssl, false},
		{"pkg:rpm/redhat/openssl-libs@3.0.7-25.el9_3?arch=x86_64&epoch=1", openssl, true},
		{"pkg:rpm/redhat/openssl-libs@1:3.0.7-25.el9_3?arch=amd64", openssl, true},
		{"pkg:rpm/redhat/openssl-libs@3.0.7-25.el9_3", openssl, true}, // most leave the epoch out
		{"pkg:rpm/redhat/openssl-libs@3.0.7-25.el9_3?epoch=2", openssl, false},
		{"pkg:rpm/redhat/openssl?arch=src", openssl, true},
		{"pkg:rpm/redhat/openssl@3.0.7-25.el9_3?arch=src&epoch=1", openssl, true},
		{"pkg:rpm/redhat/openssl@3.0.7-24.el9?arch=src&epoch=1", openssl, false},
		{"pkg:rpm/centos/openssl-libs", openssl, false},
		{"pkg:apk/alpine/musl@1.1.19-r10?distro=alpine-3.8", musl, true},
		{"pkg:apk/alpine/musl@1.1.19-r10?distro=alpine-3.9", musl, false},
	}
	for _, tt := range tests {
		p, err := Parse(tt.pattern)
		require.NoError(t, err, tt.pattern)
		in := Subject{PURL: tt.purl, Codename: "bookworm", SourceName: "openssl", SourceVersion: "3.0.7-25.el9_3"}
		if tt.purl == ssl {
			in.SourceVersion = "3.0.15-1~deb12u1"
		}
		s, err := NewSubject(in)
		require.NoError(t, err, tt.purl)
		assert.Equalf(t, tt.want, p.Matches(s), "Parse(%q).Matches(%q)", tt.pattern, tt.purl)
		if tt.want {
			assert.Containsf(t, s.Keys(), p.Key(), "%q and %q", tt.pattern, tt.purl)
		}
	}
}
