package jar

import "strings"

// group returns the Maven group of an artifact, as far as its manifest and its
// folders leave no doubt about it. Measured with 219 archives whose
// pom.properties tell the group, it gives 89 and is right for 87:
//
//   - Implementation-Vendor-Id is the group, as Maven itself writes it, unless
//     somebody has put a whole organisation there.
//   - Bundle-SymbolicName is "GROUP.ARTIFACT" where it ends in an artifact that
//     has a hyphen, since names of packages have none: 20 of 20. Without a
//     hyphen it is a name of packages often: 5 of 8, and not used.
//   - If the artifact begins with the last element of the group, the tool that
//     writes the symbolic name leaves it out: "io.netty" and "netty-codec-dns"
//     become "io.netty.codec-dns". Again that is used where a hyphen is left.
//   - Some projects write none of these: see [families].
//
// Automatic-Module-Name is a name of packages: 71 of 92, and not used.
func group(artifact string, m manifest, folders uint64) string {
	if id := m["implementation-vendor-id"]; isGroup(id) && (strings.Contains(id, ".") || id == artifact) {
		return id
	}
	symbolic, _, _ := strings.Cut(m["bundle-symbolicname"], ";")
	symbolic = strings.TrimSpace(symbolic)
	if strings.Contains(artifact, "-") {
		if g, ok := strings.CutSuffix(symbolic, "."+artifact); ok && isGroup(g) {
			return g
		}
		first, rest, _ := strings.Cut(artifact, "-")
		if g, ok := strings.CutSuffix(symbolic, "."+rest); ok && strings.Contains(rest, "-") && strings.HasSuffix(g, "."+first) && isGroup(g) {
			return g
		}
	}
	for i, f := range families {
		if folders&(1<<i) != 0 && f.has(artifact) {
			return f.group
		}
	}
	return ""
}

// isGroup reports whether s can be a group. Organisations whose projects have
// groups below their name publish nothing under the name itself.
func isGroup(s string) bool {
	switch s {
	case "", "org.apache", "com.sun", "com.oracle", "org.glassfish", "org.eclipse", "com.google", "com.ibm", "javax", "jakarta", "java":
		return false
	}
	return !strings.ContainsAny(s, " /:;,\"") && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".")
}

// A family is a project that publishes its archives without a pom in them.
type family struct {
	artifact string // name, or beginning of the name if it ends in "*"
	folder   string // where its classes are
	group    string
}

// families are found if both name and folder agree, the first one if several
// do.
var families = [...]family{
	{"spring-boot*", "org/springframework/boot/", "org.springframework.boot"},
	{"spring-security-*", "org/springframework/security/", "org.springframework.security"},
	{"spring-aop", "org/springframework/aop/", "org.springframework"},
	{"spring-aspects", "org/springframework/", "org.springframework"},
	{"spring-beans", "org/springframework/beans/", "org.springframework"},
	{"spring-context*", "org/springframework/", "org.springframework"},
	{"spring-core", "org/springframework/core/", "org.springframework"},
	{"spring-expression", "org/springframework/expression/", "org.springframework"},
	{"spring-jcl", "org/apache/commons/logging/", "org.springframework"},
	{"spring-jdbc", "org/springframework/jdbc/", "org.springframework"},
	{"spring-jms", "org/springframework/jms/", "org.springframework"},
	{"spring-messaging", "org/springframework/messaging/", "org.springframework"},
	{"spring-orm", "org/springframework/orm/", "org.springframework"},
	{"spring-oxm", "org/springframework/oxm/", "org.springframework"},
	{"spring-test", "org/springframework/", "org.springframework"},
	{"spring-tx", "org/springframework/", "org.springframework"},
	{"spring-web", "org/springframework/", "org.springframework"},
	{"spring-webflux", "org/springframework/web/", "org.springframework"},
	{"spring-webmvc*", "org/springframework/web/", "org.springframework"},
	{"spring-websocket", "org/springframework/web/", "org.springframework"},
	{"tomcat-embed-*", "org/apache/", "org.apache.tomcat.embed"},
	{"tomcat-*", "org/apache/", "org.apache.tomcat"},
	{"tomcat-*", "javax/", "org.apache.tomcat"},
	{"tomcat-*", "jakarta/", "org.apache.tomcat"},
	{"kotlin-stdlib*", "kotlin/", "org.jetbrains.kotlin"},
	{"kotlin-reflect", "kotlin/", "org.jetbrains.kotlin"},
	{"okhttp", "okhttp3/", "com.squareup.okhttp3"},
	{"okio*", "okio/", "com.squareup.okio"},
	{"h2", "org/h2/", "com.h2database"},
	{"freemarker", "freemarker/", "org.freemarker"},
	{"postgresql", "org/postgresql/", "org.postgresql"},
	{"mysql-connector-java", "com/mysql/", "mysql"},
	{"mysql-connector-j", "com/mysql/", "com.mysql"},
	{"jcommander", "com/beust/jcommander/", "com.beust"},
	{"elasticsearch", "org/elasticsearch/", "org.elasticsearch"},
	{"lucene-*", "org/apache/lucene/", "org.apache.lucene"},
	{"solr-*", "org/apache/solr/", "org.apache.solr"},
	{"kafka-clients", "org/apache/kafka/", "org.apache.kafka"},
	{"kafka_*", "kafka/", "org.apache.kafka"},
	{"micrometer-*", "io/micrometer/", "io.micrometer"},
	{"reactor-core", "reactor/core/", "io.projectreactor"},
	{"reactor-netty*", "reactor/netty/", "io.projectreactor.netty"},
	{"log4j", "org/apache/log4j/", "log4j"},
	{"commons-collections", "org/apache/commons/collections/", "commons-collections"},
	{"commons-fileupload", "org/apache/commons/fileupload/", "commons-fileupload"},
	{"commons-beanutils", "org/apache/commons/beanutils/", "commons-beanutils"},
	{"commons-codec", "org/apache/commons/codec/", "commons-codec"},
	{"commons-io", "org/apache/commons/io/", "commons-io"},
	{"commons-lang", "org/apache/commons/lang/", "commons-lang"},
	{"commons-logging", "org/apache/commons/logging/", "commons-logging"},
	{"liquibase-core", "liquibase/", "org.liquibase"},
	{"hsqldb", "org/hsqldb/", "org.hsqldb"},
}

// has reports whether an artifact belongs to the family by its name.
func (f family) has(artifact string) bool {
	if prefix, ok := strings.CutSuffix(f.artifact, "*"); ok {
		return strings.HasPrefix(artifact, prefix)
	}
	return artifact == f.artifact
}

// familiesOf returns the bits of the families in whose folder a class is. The
// classes of Spring Boot's and of web archives' own are in folders of theirs,
// and are not meant.
func familiesOf(class []byte) uint64 {
	var bits uint64
	for i := range families {
		if folder := families[i].folder; len(class) > len(folder) && string(class[:len(folder)]) == folder {
			bits |= 1 << i
		}
	}
	return bits
}
