package fingerprint

// What the texts of many rules end with: a version of at least two numbers, and
// one of three or four.
const (
	two   = `(\d+(?:\.\d+)+)`
	three = `(\d+(?:\.\d+){2,3})`
)

// goModule is how a Go program's build information names a module with its
// version, as main module or as dependency:
// https://pkg.go.dev/runtime/debug#BuildInfo. A pseudo-version does not match.
func goModule(quoted string) string {
	return `\t` + quoted + `\tv(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)[.\d]*)?)(?:\+incompatible|\+dirty)?[\t\n]`
}

// goVariable is how the build information names a version that was set with
// the linker's -X.
func goVariable(quoted string) string {
	return `-X[ =]\\?['"]?` + quoted + `=v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)[.\d]*)?)[\\'" \n]`
}

// rules are all rules. To add one, find a text in the real binary that no
// other part of it has, write the line, and add what was found to the test
// table.
var rules = []rule{
	// Languages and their runtimes.
	{"node nodejs libnode.so*", "pkg:generic/node", "nodejs:node.js", texts{`\x00node\.js/v` + three + `\x00`, `/download/release/v` + three + `/node-v\d`}, 0},
	{"deno", "pkg:generic/deno", "deno:deno", texts{`Deno/` + three + `\+[0-9a-f]{7}`}, 0},
	{"bun", "pkg:generic/bun", "", texts{`bun install v` + three + ` \([0-9a-f]{7,9}\)`}, 0},
	{"python python[23] python2.7 python3.* libpython2.7.so* libpython3.*.so*", "pkg:generic/python", "python:python", texts{`\x00(3\.(?:[3-9]|1\d)\.\d{1,2}(?:(?:a|b|rc)\d+)?)\+?\x00`, `\x00(2\.7\.\d{1,2}(?:rc\d+)?)\+?\x00`}, named},
	{"pypy pypy[23]* libpypy*.so*", "pkg:generic/pypy", "pypy:pypy", texts{`\[PyPy ` + three + `(?:-\w+)? with`}, 0},
	{"ruby ruby[1-9]* libruby.so* libruby-*.so*", "pkg:generic/ruby", "ruby-lang:ruby", texts{`\x00ruby ` + three + `(?:p\d+)? \(\d{4}-\d\d-\d\d`}, named},
	{"perl perl5* libperl.so*", "pkg:generic/perl", "perl:perl", texts{`/perl/(5\.\d+\.\d+)[/\x00]`, `/perl5/(?:site_perl/|vendor_perl/)?(5\.\d+\.\d+)[/\x00]`}, 0},
	{"php php[5-9]* php-cgi* php-fpm* libphp*.so*", "pkg:generic/php", "php:php", texts{`X-Powered-By: PHP/(\d+\.\d+\.\d+(?:(?:alpha|beta|RC|rc)\d+)?)`}, named},
	{"lua lua5* lua-5* luac* liblua*.so*", "pkg:generic/lua", "lua:lua", texts{`\$Lua(?:Version)?: Lua ` + three + ` +Copyright`}, 0},
	{"luajit luajit-2* libluajit*.so*", "pkg:generic/luajit", "luajit:luajit", texts{`\x00LuaJIT (2\.\d+\.(?:\d+-beta\d+|\d{6,}|\d+))(?: -- Copyright|\x00)`}, 0},
	{"OTP_VERSION", "pkg:generic/erlang", "erlang:erlang/otp", texts{`\A(\d+(?:\.\d+)+(?:-rc\d+)?)\*{0,2}\r?\n?\z`}, plain},
	{"VERSION", "pkg:generic/go", "golang:go", texts{`\Ago(1\.\d+(?:\.\d+)?(?:(?:beta|rc)\d+)?)(?:\r?\ntime [0-9TZ:-]+)?\r?\n?\z`}, plain},

	// Web servers and proxies.
	{"nginx nginx-debug", "pkg:generic/nginx", "f5:nginx", texts{`nginx version: nginx/` + three}, 0},
	{"nginx openresty", "pkg:generic/openresty", "openresty:openresty", texts{`nginx version: openresty/` + two}, 0},
	{"httpd apache2", "pkg:generic/httpd", "apache:http_server", texts{`\x00Apache/(2\.\d+\.\d+)[ \x00]`}, 0},
	{"haproxy", "pkg:generic/haproxy", "haproxy:haproxy", texts{` version (\d+\.\d+(?:\.\d+|-dev\d+)?)[^,\x00]{0,60}, released \d{4}/\d\d/\d\d`}, 0},
	{"lighttpd", "pkg:generic/lighttpd", "lighttpd:lighttpd", texts{`\x00lighttpd/` + three + `\x00`}, 0},
	{"varnishd libvarnishapi.so*", "pkg:generic/varnish", "varnish_cache_project:varnish_cache varnish-cache:varnish", texts{`\x00varnish-` + three + ` revision [0-9a-f]{7}`}, 0},
	{"squid", "pkg:generic/squid", "squid-cache:squid", texts{`\x00squid/` + two + `\x00`}, 0},
	{"caddy", "pkg:generic/caddy", "caddyserver:caddy", texts{goModule(`github\.com/caddyserver/caddy/v2`)}, 0},
	{"traefik", "pkg:generic/traefik", "traefik:traefik", texts{goModule(`github\.com/traefik/traefik/v2`), goModule(`github\.com/traefik/traefik/v3`), goVariable(`github\.com/traefik/traefik/v2/pkg/version\.Version`), goVariable(`github\.com/traefik/traefik/v3/pkg/version\.Version`)}, 0},

	// Databases, caches and queues.
	{"redis-server redis-cli redis-sentinel redis-benchmark redis-check-aof redis-check-rdb", "pkg:generic/redis", "redis:redis", texts{`[^\d.](\d+\.\d+\.\d{1,2}?)(?:[0-9a-f]{12}-|[A-Za-z][\w.-]*-)?1\d{9}000000000\x00`}, 0},
	{"valkey-server valkey-cli valkey-sentinel valkey-benchmark valkey-check-aof valkey-check-rdb", "pkg:generic/valkey", "lfprojects:valkey", texts{`valkey(\d+\.\d+\.\d{1,2}?)(?:[0-9a-f]{12}-|[A-Za-z][\w.-]*-)?1\d{9}000000000\x00`}, 0},
	{"memcached", "pkg:generic/memcached", "memcached:memcached", texts{`\x00memcached ` + three + `\n?\x00`}, 0},
	{"mysqld", "pkg:generic/mysql", "oracle:mysql", texts{`\x00MySQL ((?:5|8|9)\.\d+\.\d+)\x00`}, 0},
	{"mariadbd mariadb mysqld mysql mariadb-admin mariadb-dump mysqladmin mysqldump", "pkg:generic/mariadb", "mariadb:mariadb", texts{`\x00((?:5|1\d)\.\d+\.\d+)-MariaDB[-\x00]`}, 0},
	{"postgres psql initdb pg_ctl pg_dump pg_dumpall pg_restore pg_basebackup pg_upgrade", "pkg:generic/postgresql", "postgresql:postgresql", texts{`(?:postgres|psql|initdb|pg_[a-z]+|%s) \(PostgreSQL\) (\d+(?:\.\d+)+|\d+(?:beta|rc)\d+)`}, 0},
	{"sqlite3 libsqlite3.so* libsqlite3-*.so*", "pkg:generic/sqlite", "sqlite:sqlite", texts{`[^0-9.](3\.\d{1,2}\.\d{1,2}(?:\.\d)?)\x00`}, 0},
	{"etcd etcdctl etcdutl", "pkg:generic/etcd", "etcd:etcd redhat:etcd", texts{goModule(`go\.etcd\.io/etcd/api/v3`), goModule(`go\.etcd\.io/etcd/server/v3`)}, 0},
	{"influxd", "pkg:generic/influxdb", "influxdata:influxdb", texts{goModule(`github\.com/influxdata/influxdb`), goModule(`github\.com/influxdata/influxdb/v2`), goVariable(`main\.version`)}, 0},
	{"rabbit.app", "pkg:generic/rabbitmq", "vmware:rabbitmq", texts{`\A\{application, *'?rabbit'?, *\[[^\[\]]{0,200}\{vsn, *"` + two + `"\}`}, plain},
	{"mosquitto", "pkg:generic/mosquitto", "eclipse:mosquitto", texts{`\x00` + three + `\x00mosquitto version %s`}, 0},

	// HashiCorp's and others' servers in Go.
	{"consul", "pkg:generic/consul", "hashicorp:consul", texts{goModule(`github\.com/hashicorp/consul`), goVariable(`github\.com/hashicorp/consul/version\.GitDescribe`), goVariable(`github\.com/hashicorp/consul/version\.Version`)}, 0},
	{"vault", "pkg:generic/vault", "hashicorp:vault", texts{goModule(`github\.com/hashicorp/vault`), goVariable(`github\.com/hashicorp/vault/version\.Version`), goVariable(`github\.com/hashicorp/vault/sdk/version\.Version`)}, 0},
	{"nomad", "pkg:generic/nomad", "hashicorp:nomad", texts{goModule(`github\.com/hashicorp/nomad`), goVariable(`github\.com/hashicorp/nomad/version\.Version`)}, 0},
	{"terraform", "pkg:generic/terraform", "hashicorp:terraform", texts{goModule(`github\.com/hashicorp/terraform`)}, 0},
	{"coredns", "pkg:generic/coredns", "coredns.io:coredns", texts{goModule(`github\.com/coredns/coredns`)}, 0},
	{"helm", "pkg:generic/helm", "helm:helm", texts{goModule(`helm\.sh/helm/v3`), goModule(`helm\.sh/helm/v4`), goVariable(`helm\.sh/helm/v3/internal/version\.version`), goVariable(`helm\.sh/helm/v4/internal/version\.version`)}, 0},
	{"kubectl kubelet kube-apiserver kube-proxy", "pkg:generic/kubernetes", "kubernetes:kubernetes", texts{goVariable(`k8s\.io/component-base/version\.gitVersion`)}, 0},
	{"runc", "pkg:generic/runc", "linuxfoundation:runc", texts{goModule(`github\.com/opencontainers/runc`), goVariable(`main\.version`)}, 0},
	{"containerd containerd-shim-runc-v2 ctr", "pkg:generic/containerd", "linuxfoundation:containerd", texts{goModule(`github\.com/containerd/containerd`), goModule(`github\.com/containerd/containerd/v2`), goVariable(`github\.com/containerd/containerd/version\.Version`), goVariable(`github\.com/containerd/containerd/v2/version\.Version`)}, 0},
	{"dockerd", "pkg:generic/docker", "mobyproject:moby docker:docker", texts{goVariable(`github\.com/docker/docker/dockerversion\.Version`)}, 0},

	// Cryptography.
	{"openssl libcrypto.so* libcrypto-*.so* libssl.so* libssl-*.so*", "pkg:generic/openssl", "openssl:openssl", texts{`\x00OpenSSL (\d+\.\d+\.\d+(?:[a-z]{1,2}|-(?:alpha|beta|pre)\d+)?)(?:-fips|\+quic)? +\d{1,2} [A-Z][a-z]{2} \d{4}\x00`}, 0},
	{"openssl libcrypto.so* libssl.so*", "pkg:generic/libressl", "openbsd:libressl", texts{`\x00LibreSSL ` + three + `\x00`}, 0},
	{"libgnutls.so* libgnutls-*.so*", "pkg:generic/gnutls", "gnu:gnutls", texts{`Enabled GnuTLS ` + three + ` logging`}, 0},
	{"libgcrypt.so* libgcrypt-*.so*", "pkg:generic/libgcrypt", "gnupg:libgcrypt", texts{`This is Libgcrypt ` + three + ` - The GNU`}, 0},
	{"libnss3.so", "pkg:generic/nss", "mozilla:nss", texts{`Version: NSS ` + two}, 0},
	{"libmbedcrypto.so* libmbedtls.so*", "pkg:generic/mbedtls", "arm:mbed_tls trustedfirmware:mbed_tls", texts{`\x00(?i:mbed) TLS ` + three + `\x00`}, 0},
	{"libwolfssl.so*", "pkg:generic/wolfssl", "wolfssl:wolfssl", texts{`\x00wolfSSL ` + three + `\x00`}, 0},
	{"ssh sshd sshd-session ssh-keysign ssh-keyscan", "pkg:generic/openssh", "openbsd:openssh", texts{`OpenSSH_(\d+\.\d+(?:\.\d+)?p\d+)`}, 0},
	{"libssh.so* libssh-*.so*", "pkg:generic/libssh", "libssh:libssh", texts{`SSH-2\.0-libssh_` + three + `\x00`}, 0},
	{"libssh2.so* libssh2-*.so*", "pkg:generic/libssh2", "libssh2:libssh2", texts{`SSH-2\.0-libssh2_` + three}, 0},
	{"gpg gpg2", "pkg:generic/gnupg", "gnupg:gnupg", texts{`OpenPGP server ` + three + ` ready`}, 0},
	{"openvpn", "pkg:generic/openvpn", "openvpn:openvpn", texts{`\x00OpenVPN ` + two + ` \S+ \[`}, 0},
	{"stunnel stunnel4", "pkg:generic/stunnel", "stunnel:stunnel", texts{`Server: stunnel/` + two + `\x00`}, 0},

	// Shells and tools.
	{"busybox busybox-*", "pkg:generic/busybox", "busybox:busybox", texts{`BusyBox v` + two + ` \(`}, 0},
	{"bash", "pkg:generic/bash", "gnu:bash", texts{`@\(#\)Bash version ` + three + `\(\d+\) `}, 0},
	{"zsh", "pkg:generic/zsh", "zsh:zsh", texts{`\x00` + two + `\x00zsh %s \(`}, 0},
	{"curl", "pkg:generic/curl", "haxx:curl", texts{`\x00curl/` + three + `\x00`, `\x00curl ` + three + ` \(`}, 0},
	{"libcurl.so* libcurl-*.so*", "pkg:generic/curl", "haxx:libcurl haxx:curl", texts{`CLIENT libcurl ` + three + `\r\n`, `\x00libcurl/` + three + `\x00`}, 0},
	{"wget", "pkg:generic/wget", "gnu:wget", texts{`\x00(1\.[12]\d(?:\.\d+)?)\x00`}, 0},
	{"git", "pkg:generic/git", "git-scm:git", texts{`[^\w/.-]git/` + three + `\x00`}, 0},
	{"sudo", "pkg:generic/sudo", "sudo_project:sudo", texts{`\x00(1\.\d+(?:\.\d+)?(?:p\d+|b\d+|rc\d+)?)\x00Configure options: %s`}, 0},
	{"jq", "pkg:generic/jq", "jqlang:jq jq_project:jq", texts{`\x00(?:jq-)?(1\.[3-9](?:\.\d+)?(?:rc\d+)?)\x00`}, 0},
	{"tini tini-static tini-amd64 docker-init", "pkg:generic/tini", "", texts{`\x00tini version ` + three}, 0},
	{"rsync", "pkg:generic/rsync", "samba:rsync", texts{`\x00(\d\.\d{1,2}\.\d{1,2}(?:pre\d+)?)\x00%d-bit files`, `\x00(\d\.\d{1,2}\.\d{1,2}(?:pre\d+)?)\x00copyright\x00url\x00`}, 0},
	{"vsftpd", "pkg:generic/vsftpd", "vsftpd_project:vsftpd", texts{`vsftpd: version ` + three + `\n`}, 0},
	{"proftpd", "pkg:generic/proftpd", "proftpd:proftpd", texts{`\x00ProFTPD Version (\d+\.\d+\.\d+(?:[a-z]|rc\d+)?)\x00`}, 0},

	{"nano", "pkg:generic/nano", "gnu:nano", texts{`\x00GNU nano ` + two + `\x00`}, 0},
	{"nmap", "pkg:generic/nmap", "nmap:nmap", texts{`https://nmap\.org\x00` + two + `\x00Nmap\x00`}, 0},
	{"tcpdump", "pkg:generic/tcpdump", "tcpdump:tcpdump", texts{`%s version (4\.\d+\.\d+)\n`}, 0},
	{"zstd", "pkg:generic/zstd", "facebook:zstandard", texts{`\x00v` + three + `\x00Zstandard CLI\x00`}, 0},
	{"bird", "pkg:generic/bird", "nic:bird", texts{`BIRD version ` + two + `\n`}, 0},
	{"turnserver", "pkg:generic/coturn", "coturn_project:coturn", texts{`Coturn-` + three + ` '`}, 0},

	// Name servers and mail.
	{"named", "pkg:generic/bind", "isc:bind", texts{`\x00libisc-(9\.\d+\.\d+)(?:-[^\x00]{1,40})?\.so\x00`}, 0},
	{"unbound unbound-checkconf unbound-control", "pkg:generic/unbound", "nlnetlabs:unbound", texts{`\x00unbound ` + three + `\x00`}, 0},
	{"dnsmasq", "pkg:generic/dnsmasq", "thekelleys:dnsmasq", texts{`\x00dnsmasq-(2\.\d+(?:(?:test|rc)\d+)?)\x00`}, 0},
	{"postconf postalias postcat", "pkg:generic/postfix", "postfix:postfix", texts{`\x00mail_version=` + two + `\x00`}, 0},
	{"exim exim4", "pkg:generic/exim", "exim:exim", texts{`<<eximcnumber>>\x00` + two + `\x00`}, 0},
	{"dovecot", "pkg:generic/dovecot", "dovecot:dovecot", texts{`\x00Dovecot v` + three + ` \(`}, 0},

	{"knotd knotc keymgr", "pkg:generic/knot", "nic:knot_dns", texts{`\x00Knot DNS ` + three + `\x00`}, 0},
	{"nsd", "pkg:generic/nsd", "nlnetlabs:nsd", texts{`\x00NSD ` + three + `\x00`}, 0},

	// Libraries that are read with hostile input.
	{"libz.so* libz-*.so*", "pkg:generic/zlib", "zlib:zlib", texts{` (?:de|in)flate ` + two + ` Copyright`}, 0},
	{"liblzma.so* liblzma-*.so*", "pkg:generic/xz", "tukaani:xz", texts{`\x00(5\.\d+\.\d+(?:alpha|beta)?)\x00`}, 0},
	{"libbz2.so* libbz2-*.so*", "pkg:generic/bzip2", "bzip:bzip2", texts{`\x00(1\.0\.\d), \d{1,2}-[A-Z][a-z]{2}-\d{4}\x00`}, 0},
	{"libexpat.so* libexpatw.so* libexpat-*.so*", "pkg:generic/expat", "libexpat_project:libexpat", texts{`\x00expat_` + three + `\x00`}, 0},
	{"libpng16.so* libpng16-*.so*", "pkg:generic/libpng", "libpng:libpng", texts{`\nlibpng version ` + three + `\n`}, 0},
	{"libjpeg.so* libjpeg-*.so* libturbojpeg.so*", "pkg:generic/libjpeg-turbo", "libjpeg-turbo:libjpeg-turbo", texts{`libjpeg-turbo version ` + three + ` \(build`}, 0},
	{"libtiff.so* libtiff-*.so*", "pkg:generic/libtiff", "libtiff:libtiff", texts{`LIBTIFF, Version ` + three + `\n`}, 0},
	{"libpcre2-8.so*", "pkg:generic/pcre2", "pcre:pcre2", texts{`\x00(10\.\d\d) \d{4}-\d\d-\d\d\x00`}, 0},
	{"libarchive.so* libarchive-*.so*", "pkg:generic/libarchive", "libarchive:libarchive", texts{`\x00libarchive ` + three + `\x00`}, 0},
	{"libpcap.so* libpcap-*.so*", "pkg:generic/libpcap", "tcpdump:libpcap", texts{`\x00libpcap version ` + three + `[ \x00]`}, 0},
	{"libMagickCore-*.so*", "pkg:generic/imagemagick", "imagemagick:imagemagick", texts{`ImageMagick (\d+\.\d+\.\d+-\d+) (?:beta )?Q\d+`}, 0},
	{"gs libgs.so*", "pkg:generic/ghostscript", "artifex:ghostscript", texts{`/ghostscript/(\d+\.\d\d(?:\.\d+)?)[/\x00]`}, 0},
	{"ffmpeg ffprobe libavcodec.so* libavcodec-*.so* libavformat.so* libavformat-*.so* libavutil.so* libavutil-*.so*", "pkg:generic/ffmpeg", "ffmpeg:ffmpeg", texts{`\x00FFmpeg version n?` + two, `\x00%s version n?` + two}, 0},
	{"libc.so.6", "pkg:generic/glibc", "gnu:glibc", texts{`GNU C Library \([^)\x00]{1,80}\) stable release version ` + two + `\.\n`}, 0},
	{"ld-musl-*.so.1 libc.musl-*.so.1", "pkg:generic/musl", "musl-libc:musl", texts{`\x00(1\.[1-9]\.\d{1,2})\x00`}, 0},

	// Applications in text.
	{"version.php", "pkg:generic/wordpress", "wordpress:wordpress", texts{`\n\$wp_version = '(\d+(?:\.\d+)+(?:-(?:alpha|beta|RC)\d*)?)[^'\n]{0,20}';`}, plain},
}
