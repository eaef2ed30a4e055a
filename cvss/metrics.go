package cvss

// A value is what a metric can be set to. The code of a value in a [Vector] is
// its place in its metric's list, counted from 1.
type value struct{ name, words string }

// A metric is one question of the standard and its answers.
type metric struct {
	name, words string

	// letters has the one letter of each value, or '-' if its name is longer:
	// the quick way from a letter to a code.
	letters string
	values  []value
	slot    uint8 // the three bits of a Vector that hold the code
}

// A version is what differs between the versions of CVSS.
type version struct {
	name    string
	prefix  string
	unset   string   // the value that says nothing, code 0
	metrics []metric // in the order of the vector string
	ordered bool     // no other order is allowed

	// The ends of the groups in metrics: the first ones are mandatory, then
	// come the metrics of time, those of the environment, and the others.
	base, temporal, environmental int
	temporalName                  string
}

// Slots 0 to 20 are in the first word of a Vector, from hiSlot on they are in
// the second. A modified metric is as far from hiSlot as the metric that it
// modifies is from 0, so one operation puts all modified values in place.
const hiSlot = 21

// The versions, as a Vector stores them. 0 is no vector.
const (
	v20 = 1 + iota
	v30
	v31
	v40
)

var versions = [...]version{
	v20: {
		name: "2.0", unset: "ND", metrics: metrics2[:],
		base: 6, temporal: 9, environmental: 14, temporalName: "Temporal",
	},
	v30: {
		name: "3.0", prefix: "CVSS:3.0/", unset: "X", metrics: metrics3[:],
		base: 8, temporal: 11, environmental: 22, temporalName: "Temporal",
	},
	v31: {
		name: "3.1", prefix: "CVSS:3.1/", unset: "X", metrics: metrics3[:],
		base: 8, temporal: 11, environmental: 22, temporalName: "Temporal",
	},
	v40: {
		name: "4.0", prefix: "CVSS:4.0/", unset: "X", metrics: metrics4[:], ordered: true,
		base: 11, temporal: 12, environmental: 26, temporalName: "Threat",
	},
}

// group names the group of the metric at place i.
func (ver *version) group(i int) string {
	switch {
	case i < ver.base:
		return "Base"
	case i < ver.temporal:
		return ver.temporalName
	case i < ver.environmental:
		return "Environmental"
	}
	return "Supplemental"
}

// find returns the place of a metric. It looks from the place next on and then
// before it, for that is how vectors are written.
func (ver *version) find(name string, next int) (int, bool) {
	for i := next; i < len(ver.metrics); i++ {
		if ver.metrics[i].name == name {
			return i, true
		}
	}
	for i := range min(next, len(ver.metrics)) {
		if ver.metrics[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// code returns the code of a value, for a name of any length.
func (m *metric) code(name string) (code uint8, ok bool) {
	for i := range m.values {
		if m.values[i].name == name {
			return uint8(i + 1), true
		}
	}
	return 0, false
}
