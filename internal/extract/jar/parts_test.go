package jar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSplitName(t *testing.T) {
	for stem, want := range map[string][2]string{
		"slf4j-api-1.7.28":                       {"slf4j-api", "1.7.28"},
		"slf4j-api":                              {"slf4j-api", ""},
		"guava-29.0-jre":                         {"guava", "29.0-jre"},
		"log4j-1.2-1.2.17":                       {"log4j-1.2", "1.2.17"},
		"log4j-1.2-api-2.17.0":                   {"log4j-1.2-api", "2.17.0"},
		"mssql-jdbc-7.4.1.jre8":                  {"mssql-jdbc", "7.4.1.jre8"},
		"zstd-jni-1.3.8-5":                       {"zstd-jni", "1.3.8-5"},
		"java-cup-runtime-11b-20160615":          {"java-cup-runtime", "11b-20160615"},
		"app-1.0-20240131.235959-3":              {"app", "1.0-20240131.235959-3"},
		"app-1.0-SNAPSHOT":                       {"app", "1.0-SNAPSHOT"},
		"spring-web-3.0.0-rc-2":                  {"spring-web", "3.0.0-rc-2"},
		"jboss-logging-3.4.1.Final-redhat-00001": {"jboss-logging", "3.4.1.Final-redhat-00001"},
		"cassandra-driver-core-3.11.0-shaded":    {"cassandra-driver-core", "3.11.0"},
		"netty-transport-native-epoll-4.1.58.Final-linux-x86_64": {"netty-transport-native-epoll", "4.1.58.Final"},
		"scala-library_2.13-1.0":                                 {"scala-library_2.13", "1.0"},
		"jetty9-http2-client":                                    {"jetty9-http2-client", ""}, // no version, and so no classifier
		"db2jcc4":                                                {"db2jcc4", ""},
		"1.0":                                                    {"1.0", ""},
		"a-2-3":                                                  {"a", "2-3"},
		"-1":                                                     {"", "1"},
		"":                                                       {"", ""},
	} {
		artifact, version := splitName(stem)
		assert.Equalf(t, want, [2]string{artifact, version}, "splitName(%q)", stem)
	}
}

func TestGuess(t *testing.T) {
	tests := []struct {
		stem string
		m    manifest
		want [2]string
	}{
		{"bcprov-1.68", manifest{"implementation-version": "1.68.0"}, [2]string{"bcprov", "1.68"}},
		{"spring3-core-3.x", manifest{"implementation-title": "spring-core", "implementation-version": "4.3.30.RELEASE"}, [2]string{"spring-core", "4.3.30.RELEASE"}},
		{"hsqldb-2.4.1", manifest{"implementation-title": "Standard runtime", "implementation-version": "private-19991231"}, [2]string{"hsqldb", "2.4.1"}},
		{"commons-io-2.6", manifest{"bundle-version": "2.6.0"}, [2]string{"commons-io", "2.6"}},
		{"liquibase", manifest{"bundle-name": "liquibase-core", "bundle-version": "4.2.2"}, [2]string{"liquibase-core", "4.2.2"}},
		{"postgresql", manifest{"implementation-title": "PostgreSQL JDBC Driver", "implementation-version": "42.2.15"}, [2]string{"postgresql", "42.2.15"}},
		{"log4j-1.2-api", manifest{"implementation-version": "2.17.1"}, [2]string{"log4j-1.2-api", "2.17.1"}},
		{"guava-29.0-jre", manifest{"implementation-version": "29"}, [2]string{"guava", "29.0-jre"}},
		// A manifest that came with something that was shaded in.
		{"selenium-server-standalone-3.141.59", manifest{"implementation-version": "3.1.0"}, [2]string{"selenium-server-standalone", "3.141.59"}},
		// Java's own tools put the version in place of a digit.
		{"app-r09", manifest{"implementation-version": "09"}, [2]string{"app-r09", "09"}},
		{"tomcat9-jasper-9.0.43", manifest{"implementation-title": "Apache Tomcat", "implementation-version": "9.0.43", "bundle-name": "tomcat-jasper", "bundle-symbolicname": "org.apache.tomcat-jasper"}, [2]string{"tomcat-jasper", "9.0.43"}},
		{"app", nil, [2]string{"app", ""}},
	}
	for _, tt := range tests {
		artifact, version := guess(tt.stem, tt.m)
		assert.Equalf(t, tt.want, [2]string{artifact, version}, "guess(%q, %v)", tt.stem, tt.m)
	}
}

func TestGroup(t *testing.T) {
	tests := []struct {
		artifact string
		m        manifest
		folder   string
		want     string
	}{
		{"maven-core", manifest{"implementation-vendor-id": "org.apache.maven"}, "", "org.apache.maven"},
		{"log4j-core", manifest{"implementation-vendor-id": "org.apache"}, "", ""}, // of log4j's group, not of Apache
		{"commons-cli", manifest{"implementation-vendor-id": "commons-cli"}, "", "commons-cli"},
		{"commons-cli", manifest{"implementation-vendor-id": "apache"}, "", ""},
		{"mongodb-driver-core", manifest{"bundle-symbolicname": "org.mongodb.mongodb-driver-core"}, "", "org.mongodb"},
		{"mongodb-driver", manifest{"bundle-symbolicname": "org.mongodb.mongodb-driver;singleton:=true"}, "", "org.mongodb"},
		{"netty-codec-http2", manifest{"bundle-symbolicname": "io.netty.codec-http2"}, "", "io.netty"},
		{"commons-io", manifest{"bundle-symbolicname": "org.apache.commons.io"}, "", ""}, // commons-io is its own group
		{"gson", manifest{"bundle-symbolicname": "com.google.gson"}, "", ""},             // com.google.code.gson
		{"tomcat-jasper", manifest{"bundle-symbolicname": "org.apache.tomcat-jasper"}, "", ""},
		{"tomcat-jasper", nil, "org/apache/jasper/A.class", "org.apache.tomcat"},
		{"tomcat-embed-core", nil, "org/apache/catalina/A.class", "org.apache.tomcat.embed"},
		{"tomcat-servlet-api", nil, "javax/servlet/A.class", "org.apache.tomcat"},
		{"spring-boot-actuator", nil, "org/springframework/boot/A.class", "org.springframework.boot"},
		{"spring-data-jpa", nil, "org/springframework/data/A.class", ""},
		{"x", manifest{"implementation-vendor-id": "a b.c"}, "", ""},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, group(tt.artifact, tt.m, familiesOf([]byte(tt.folder))), "group(%q, %v, %q)", tt.artifact, tt.m, tt.folder)
	}
}

func TestParseManifest(t *testing.T) {
	long := strings.Repeat("x", maxField)
	for text, want := range map[string]manifest{
		"": {},
		"Implementation-Title: a\r\n b\r\nIMPLEMENTATION-VERSION:1\r\n\r\nImplementation-Vendor: not in the main section\r\n": {"implementation-title": "ab", "implementation-version": "1"},
		"Bundle-Name: a\nBundle-Name: b\nExport-Package: c\n d\nno field\n e":                                                 {"bundle-name": "a"},
		"Bundle-Name: a\rBundle-Version: 1\r\rBundle-Vendor: v":                                                               {"bundle-name": "a", "bundle-version": "1"},
		"Bundle-Name: ${name}\nBundle-Version: @v@\nBundle-Vendor: a\tb":                                                      {"bundle-name": "", "bundle-version": "", "bundle-vendor": ""},
		"Bundle-Name: " + long + "\n y\n " + long + "\nBundle-Version: 1":                                                     {"bundle-name": "", "bundle-version": "1"},
		"\xef\xbb\xbfBundle-Name: a": {"bundle-name": "a"},
	} {
		assert.Equalf(t, want, parseManifest([]byte(text)), "parseManifest(%.60q)", text)
	}
}

func TestParsePOM(t *testing.T) {
	for text, want := range map[string]pom{
		"<project><groupId>g</groupId><artifactId> a </artifactId><version>1</version></project>":                                                           {group: "g", artifact: "a", version: "1"},
		"<project><parent><groupId>p</groupId><artifactId>q</artifactId><version>2</version></parent><artifactId>a</artifactId></project>":                  {group: "p", artifact: "a", version: "2"},
		"<project><artifactId>a</artifactId><version>${revision}-x</version><properties><revision>${r}</revision><r>3</r></properties></project>":           {artifact: "a", version: "3-x"},
		"<project><parent><version>2</version></parent><artifactId>a</artifactId><version>${project.parent.version}</version></project>":                    {artifact: "a", version: "2"},
		"<project><artifactId>a</artifactId><version>${nobody.knows}</version></project>":                                                                   {artifact: "a"},
		"<project><artifactId>a</artifactId><version>${a</version></project>":                                                                               {artifact: "a"},
		"<project><artifactId>a</artifactId><version>${x}</version><properties><x>${x}${x}</x></properties></project>":                                      {artifact: "a"},
		"<project><artifactId>a</artifactId><dependencies><dependency><artifactId>d</artifactId><version>9</version></dependency></dependencies></project>": {artifact: "a"},
		"<project xmlns='x'><!-- c --><artifactId>a&amp;b</artifactId><licenses><license><name>L</name></license></licenses></project>":                     {artifact: "a&b", licences: []string{"L"}},
		"<?xml version='1.0' encoding='ISO-8859-1'?><project><name>\xe9</name><artifactId>a</artifactId></project>":                                         {artifact: "a"},
	} {
		got, err := parsePOM([]byte(text))
		if strings.Contains(text, "\xe9") {
			// What is not UTF-8 ends the reading. What came before counts.
			require.Error(t, err)
			continue
		}
		require.NoErrorf(t, err, "parsePOM(%q)", text)
		assert.Equalf(t, want, got, "parsePOM(%q)", text)
	}
	for _, text := range []string{"", "text", "<a/>", "</a>", "<project><artifactId>a</artifactId>"} {
		_, err := parsePOM([]byte(text))
		assert.Errorf(t, err, "parsePOM(%q)", text)
	}
}
