package distro

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestContentSet(t *testing.T) {
	const release, unknown = "", "?"
	for set, want := range map[string]string{
		"rhel-8-for-x86_64-baseos-rpms":                           release,
		"rhel-9-for-aarch64-appstream-source-rpms":                release,
		"rhel-9-for-ppc64le-baseos-debug-rpms":                    release,
		"rhel-8-for-x86_64-appstream-rpms__8":                     release,
		"rhel-8-for-x86_64-baseos-rhui-rpms":                      release,
		"rhel-8-for-x86_64-baseos-rpms__8_DOT_6":                  release, // a minor release before there is a newer one
		"rhel-9-for-x86_64-sap-solutions-rpms":                    release,
		"codeready-builder-for-rhel-9-s390x-rpms":                 release,
		"codeready-builder-for-ubi-9-x86_64-rpms":                 release,
		"fast-datapath-for-rhel-9-x86_64-rpms":                    release,
		"ubi-9-baseos-rpms":                                       release,
		"ubi-8-codeready-builder":                                 release,
		"rhel-10-for-x86_64-baseos-rpms":                          release,
		"rhel-7-server-rpms":                                      release,
		"rhel-7-server-optional-rpms":                             release,
		"rhel-7-for-system-z-rpms":                                release,
		"rhel-7-for-power-9-rpms":                                 release,
		"rhel-ha-for-rhel-7-server-rpms":                          release,
		"rhel-sap-hana-for-rhel-7-server-rpms":                    release,
		"rhel-7-workstation-optional-fastrack-debug-rpms":         release,
		"rhel-rs-for-rhel-7-for-system-z-source-rpms":             release,
		"rhel-7-for-hpc-node-supplementary-rpms":                  release,
		"rhel-8-for-s390x-sap-netweaver-source-rpms":              release,
		"rhel-8-for-x86_64-sap-netweaver-e4s-debug-rpms__8_DOT_4": "rhel_e4s:8.4",
		"rhel-7-hpc-node-eus-supplementary-rpms__7_DOT_7":         "rhel_eus:7.7",
		"rhel-7-server-restricted-maintenance-oracle-java-rpms":   unknown,
		"rhel-7-server-els-rpms":                                  release, // counts for all
		"rhel-8-for-x86_64-appstream-eus-rpms__8_DOT_6":           "rhel_eus:8.6",
		"rhel-8-for-x86_64-baseos-eus-rpms__8.6":                  "rhel_eus:8.6",
		"rhel-9-for-x86_64-baseos-eus-rpms":                       "rhel_eus:9.4", // of the release
		"rhel-9-for-x86_64-baseos-e4s-rpms__9_DOT_0":              "rhel_e4s:9.0",
		"rhel-8-for-x86_64-nfv-tus-rpms__8_DOT_4":                 "rhel_tus:8.4",
		"rhel-8-for-x86_64-appstream-aus-rpms__8_DOT_2":           "rhel_aus:8.2",
		"codeready-builder-for-rhel-9-x86_64-eus-rpms":            "rhel_eus:9.4",
		"rhel-7-server-eus-rpms__7_DOT_6":                         "rhel_eus:7.6",
		"rhel-10-for-x86_64-baseos-eus-rpms__10_DOT_0":            "enterprise_linux_eus:10.0",
		"rhocp-4.12-for-rhel-8-x86_64-rpms":                       "openshift:4.12::el8",
		"rhel-7-server-ose-3.11-rpms":                             "openshift:3.11::el7",
		"ansible-2.9-for-rhel-8-x86_64-rpms":                      "ansible_engine:2.9::el8",
		"rhceph-5-tools-for-rhel-8-x86_64-rpms":                   "ceph_storage:5::el8",
		"rhel-server-rhscl-7-rpms":                                "rhel_software_collections:3::el7",
		"RHEL-9-FOR-x86_64-BASEOS-RPMS":                           release,

		"rhel-8-for-x86_64-baseos-eus-rpms":            unknown, // of which minor release is not known
		"rhel-10-for-x86_64-baseos-e4s-rpms__10_DOT_0": unknown,
		"rhel-9-for-x86_64-something-new-rpms":         unknown,
		"rhel-9-something-1.2-rpms":                    unknown,
		"something-for-rhel-9-x86_64-rpms":             unknown,
		"rhocp-4.12-extra-for-rhel-8-x86_64-rpms":      unknown,
		"rhel-x-for-x86_64-baseos-rpms":                unknown,
		"rhel-9999999-for-x86_64-baseos-rpms":          unknown,
		"rhel":                                         unknown,
		"ubi":                                          unknown,
		"-":                                            unknown,
		"":                                             unknown,
		"__8":                                          unknown,
	} {
		p, ok := contentSet(set, "9.4")
		got := unknown
		if ok {
			got = p.String()
			if p == (Product{}) {
				got = release
			}
		}
		assert.Equalf(t, want, got, "contentSet(%q)", set)
		if ok && p != (Product{}) {
			assert.Truef(t, IsRedHatProduct(p.String()), "IsRedHatProduct(%q)", p)
			assert.Truef(t, p.Covers(p.String()), "Covers(%q)", p)
		}
	}
}

func TestProductCovers(t *testing.T) {
	eus, rhel, ocp := Product{Name: "rhel_eus", Version: "9.2"}, Product{Name: "enterprise_linux", Version: "9"}, Product{"openshift", "4.12", "el8"}
	for _, tt := range []struct {
		p      Product
		suffix string
		want   bool
	}{
		{eus, "rhel_eus:9.2::baseos", true},
		{eus, "rhel_eus:9.2", true},
		{eus, "rhel_eus:9", true},
		{eus, "rhel_eus:9.20::baseos", false},
		{eus, "rhel_eus:9.4::baseos", false},
		{eus, "rhel_aus:9.2::baseos", false},
		{eus, "enterprise_linux:9::baseos", false},
		{rhel, "enterprise_linux:9::fastdatapath", true},
		{rhel, "enterprise_linux:90", false},
		{rhel, "enterprise_linux:", false},
		{rhel, "enterprise_linux", false},
		{rhel, "", false},
		{ocp, "openshift:4.12::el8", true},
		{ocp, "openshift:4.12::el8_x", true},
		{ocp, "openshift:4.12::el9", false},
		{ocp, "openshift:4.1::el8", false},
		{ocp, "openshift:4", true}, // of flaws that are not fixed
	} {
		assert.Equalf(t, tt.want, tt.p.Covers(tt.suffix), "%v covers %q", tt.p, tt.suffix)
	}
}

func TestLookupContentSets(t *testing.T) {
	rhel := func(sets ...string) Distro {
		return Lookup(inventory.OS{ID: "rhel", Version: "9.2", ContentSets: sets})
	}
	plain := rhel()
	assert.Equal(t, "Red Hat:enterprise_linux:9::baseos", plain.Ecosystem)
	assert.Empty(t, plain.Products)
	assert.Contains(t, plain.Optional, Product{Name: "enterprise_linux", Version: "9"})
	eus := rhel("rhel-9-for-x86_64-baseos-eus-rpms", "rhel-9-for-x86_64-appstream-eus-rpms", "oddity", "rhocp-4.12-for-rhel-9-x86_64-rpms")
	assert.Equal(t, plain.Ecosystem, eus.Ecosystem, "extended support does not fix all flaws")
	assert.Equal(t, plain.More, eus.More)
	assert.Equal(t, []Product{{Name: "rhel_eus", Version: "9.2"}, {"openshift", "4.12", "el9"}}, eus.Products)
	assert.Equal(t, []string{"oddity"}, eus.Unknown)
	cpe := Lookup(inventory.OS{ID: "rhel", Version: "8.6", CPE: "cpe:/o:redhat:rhel_e4s:8.6::baseos"})
	assert.Equal(t, []Product{{Name: "rhel_e4s", Version: "8.6"}}, cpe.Products)

	for _, tt := range []struct {
		d            Distro
		suffix       string
		major, minor string
	}{
		{plain, "rhel_eus:9.2::baseos", "9", "2"},
		{plain, "rhel_aus:9.4", "9", "4"},
		{plain, "rhel_eus:8.6::baseos", "", ""}, // another release
		{plain, "rhel_eus:9", "", ""},
		{plain, "enterprise_linux:9::baseos", "", ""},
		{rhel("oddity"), "rhel_eus:9.2::baseos", "9", "2"},
		{rhel("ubi-9-baseos-rpms"), "rhel_eus:9.2::baseos", "", ""}, // it is known to be no such image
		{eus, "rhel_eus:9.2::baseos", "", ""},                       // counts for all packages
		{Lookup(inventory.OS{ID: "almalinux", Version: "9"}), "rhel_eus:9.2::baseos", "", ""},
	} {
		major, minor, ok := tt.d.BuiltFor(tt.suffix)
		assert.Equalf(t, tt.major != "", ok, "BuiltFor(%q)", tt.suffix)
		if ok {
			assert.Equalf(t, [2]string{tt.major, tt.minor}, [2]string{major, minor}, "BuiltFor(%q)", tt.suffix)
		}
	}
}

// Content sets are text from the image.
func FuzzContentSet(f *testing.F) {
	f.Add("rhel-8-for-x86_64-appstream-eus-rpms__8_DOT_6", "8.6")
	f.Add("rhocp-4.12-for-rhel-8-x86_64-rpms", "")
	f.Fuzz(func(t *testing.T, set, version string) {
		p, ok := contentSet(set, version)
		if !ok {
			assert.Zero(t, p)
		} else if p != (Product{}) {
			assert.True(t, IsRedHatProduct(p.String()))
			assert.True(t, p.Covers(p.String()))
		}
	})
}
