package cvss

import (
	"errors"
	"fmt"
	"iter"
)

// A Vector is the metrics of one vulnerability. Two Vectors are equal if they
// have the same version and the same values; a metric that is not set and one
// that is set to "not defined" are the same. The zero Vector is no vector: its
// scores are 0, its severity is [Unknown].
type Vector struct {
	// Three bits for each metric hold the code of its value, 0 if there is
	// none: 21 metrics fill lo. The version is in the highest bits of hi.
	lo, hi uint64
}

const (
	slotBits     = 3
	slotMask     = 1<<slotBits - 1
	versionShift = 64 - slotBits
)

// MustParse is [Parse] for vectors that are known to be right; it panics if
// they are not.
func MustParse(vector string) Vector {
	v, err := Parse(vector)
	if err != nil {
		panic(err)
	}
	return v
}

// version is the version's number, 0 if there is no vector.
func (v Vector) version() uint64 { return v.hi >> versionShift }

// IsZero reports whether v is no vector.
func (v Vector) IsZero() bool { return v == Vector{} }

// Version returns "2.0", "3.0", "3.1" or "4.0", and nothing for no vector.
func (v Vector) Version() string { return versions[v.version()].name }

// code returns what a slot holds.
func (v Vector) code(slot uint8) uint8 {
	if slot < hiSlot {
		return at(v.lo, slot)
	}
	return at(v.hi, slot-hiSlot)
}

// at returns what a slot of one word holds.
func at(word uint64, slot uint8) uint8 { return uint8(word >> (slot * slotBits) & slotMask) }

// set puts a code into an empty slot.
func (v *Vector) set(slot, code uint8) {
	if slot < hiSlot {
		v.lo |= uint64(code) << (slot * slotBits)
	} else {
		v.hi |= uint64(code) << ((slot - hiSlot) * slotBits)
	}
}

// Get returns the value of a metric, such as "N" for "AV". A metric that is not
// set has the value "X", or "ND" in version 2.0. If the version of v has no
// such metric, ok is false.
func (v Vector) Get(metric string) (value string, ok bool) {
	ver := &versions[v.version()]
	i, ok := ver.find(metric, 0)
	if !ok {
		return "", false
	}
	m := &ver.metrics[i]
	if code := v.code(m.slot); code > 0 {
		return m.values[code-1].name, true
	}
	return ver.unset, true
}

// With returns v with another value for a metric. The value "X", or "ND" in
// version 2.0, unsets an optional one.
func (v Vector) With(metric, value string) (Vector, error) {
	if v.IsZero() {
		return Vector{}, errors.New("cvss: With: no vector")
	}
	ver := &versions[v.version()]
	i, ok := ver.find(metric, 0)
	if !ok {
		return Vector{}, fmt.Errorf("cvss: With: version %s has no metric %q", ver.name, metric)
	}
	m := &ver.metrics[i]
	code, ok := m.code(value)
	if !ok && (i < ver.base || value != ver.unset) {
		return Vector{}, fmt.Errorf("cvss: With: metric %q of version %s cannot be %q", metric, ver.name, value)
	}
	if m.slot < hiSlot {
		v.lo &^= slotMask << (m.slot * slotBits)
	} else {
		v.hi &^= slotMask << ((m.slot - hiSlot) * slotBits)
	}
	v.set(m.slot, code)
	return v, nil
}

// A Metric is one metric of a vector, as its version's specification names it.
type Metric struct {
	Group string // "Base", "Temporal", "Threat", "Environmental" or "Supplemental"
	Name  string // such as "AV"
	Value string // such as "N"

	NameInWords  string // such as "Attack Vector"
	ValueInWords string // such as "Network"
}

// String returns the words, such as "Attack Vector: Network".
func (m Metric) String() string { return m.NameInWords + ": " + m.ValueInWords }

// Explain lists the metrics that are set, in the order of the specification.
func (v Vector) Explain() iter.Seq[Metric] {
	return func(yield func(Metric) bool) {
		ver := &versions[v.version()]
		for i := range ver.metrics {
			m := &ver.metrics[i]
			code := v.code(m.slot)
			if code == 0 {
				continue
			}
			val := m.values[code-1]
			if !yield(Metric{ver.group(i), m.name, val.name, m.words, val.words}) {
				return
			}
		}
	}
}

// Nomenclature says which groups of metrics a vector of version 4.0 sets:
// "CVSS-B", "CVSS-BT", "CVSS-BE" or "CVSS-BTE"
// (https://www.first.org/cvss/v4.0/specification-document#Nomenclature,
// section 1.3). It is empty for the other versions, which have no such names.
func (v Vector) Nomenclature() string {
	if v.version() != v40 {
		return ""
	}
	threat, environment := v.lo&threat4 != 0, v.hasEnvironment()
	switch {
	case threat && environment:
		return "CVSS-BTE"
	case threat:
		return "CVSS-BT"
	case environment:
		return "CVSS-BE"
	}
	return "CVSS-B"
}

// String returns the vector as its specification writes it: metrics in order,
// none that is not defined, no parentheses. No vector is the empty string.
func (v Vector) String() string {
	return string(v.append(make([]byte, 0, 256))) // no vector is longer
}

func (v Vector) append(b []byte) []byte {
	ver := &versions[v.version()]
	b = append(b, ver.prefix...)
	start := len(b)
	for i := range ver.metrics {
		m := &ver.metrics[i]
		code := v.code(m.slot)
		if code == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, '/')
		}
		b = append(b, m.name...)
		b = append(b, ':')
		if c := m.letters[code-1]; c != '-' {
			b = append(b, c)
		} else {
			b = append(b, m.values[code-1].name...)
		}
	}
	return b
}

// MarshalText returns what [Vector.String] does.
func (v Vector) MarshalText() ([]byte, error) { return v.append(nil), nil }

// UnmarshalText reads what [Parse] does, and no vector from no text.
func (v *Vector) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*v = Vector{}
		return nil
	}
	*v, err = Parse(string(text))
	return err
}
