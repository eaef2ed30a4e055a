package spdx3

import (
	"github.com/imagevet/imagevet/internal/codec"
)

// What is written. The names are those of the JSON-LD context.

// A head is what all elements have.
type head struct {
	Type         string `json:"type"`
	ID           string `json:"spdxId"`
	CreationInfo string `json:"creationInfo"`
	Name         string `json:"name,omitempty"`
}

type creationInfo struct {
	Type         string   `json:"type"`
	ID           string   `json:"@id"`
	SpecVersion  string   `json:"specVersion"`
	Created      string   `json:"created"`
	CreatedBy    []string `json:"createdBy"`
	CreatedUsing []string `json:"createdUsing,omitempty"`
}

// An agentElement is an Agent, of whatever kind, or a Tool.
type agentElement struct {
	head
	ExternalIdentifier []externalIdentifier `json:"externalIdentifier,omitempty"`
}

type collectionElement struct {
	head
	Profiles    []string `json:"profileConformance,omitempty"`
	RootElement []string `json:"rootElement"`
	Element     []string `json:"element,omitempty"`
	SbomType    []string `json:"software_sbomType,omitempty"`
}

type packageElement struct {
	head
	Description        string               `json:"description,omitempty"`
	PackageVersion     string               `json:"software_packageVersion,omitempty"`
	PackageURL         string               `json:"software_packageUrl,omitempty"`
	PrimaryPurpose     string               `json:"software_primaryPurpose,omitempty"`
	SourceInfo         string               `json:"software_sourceInfo,omitempty"`
	BuiltTime          string               `json:"builtTime,omitempty"`
	SuppliedBy         string               `json:"suppliedBy,omitempty"`
	OriginatedBy       []string             `json:"originatedBy,omitempty"`
	VerifiedUsing      []hashObject         `json:"verifiedUsing,omitempty"`
	ExternalIdentifier []externalIdentifier `json:"externalIdentifier,omitempty"`
	Extension          []extension          `json:"extension,omitempty"`
}

type hashObject struct {
	Type      string `json:"type"`
	Algorithm string `json:"algorithm"`
	HashValue string `json:"hashValue"`
}

type externalIdentifier struct {
	Type       string `json:"type"`
	Kind       string `json:"externalIdentifierType"`
	Identifier string `json:"identifier"`
}

type externalRef struct {
	Type    string   `json:"type"`
	Kind    string   `json:"externalRefType"`
	Locator []string `json:"locator"`
}

type extension struct {
	Type       string          `json:"type"`
	Properties []propertyEntry `json:"extension_cdxProperty"`
}

type propertyEntry struct {
	Type  string `json:"type"`
	Name  string `json:"extension_cdxPropName"`
	Value string `json:"extension_cdxPropValue"`
}

// extensions returns the extension that holds properties, in their order.
func extensions(properties codec.Properties) []extension {
	if len(properties) == 0 {
		return nil
	}
	entries := make([]propertyEntry, len(properties))
	for i, p := range properties {
		entries[i] = propertyEntry{"extension_CdxPropertyEntry", p.Name, p.Value}
	}
	return []extension{{"extension_CdxPropertiesExtension", entries}}
}

type licenseElement struct {
	head
	Expression string            `json:"simplelicensing_licenseExpression"`
	CustomIDs  []dictionaryEntry `json:"simplelicensing_customIdToUri,omitempty"`
}

type dictionaryEntry struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

type licenseText struct {
	head
	Text string `json:"simplelicensing_licenseText"`
}

// A relationship is a Relationship of any class.
type relationship struct {
	head
	From         string   `json:"from"`
	Kind         string   `json:"relationshipType"`
	To           []string `json:"to"`
	Completeness string   `json:"completeness,omitempty"`
	Scope        string   `json:"scope,omitempty"`
	// Of security_VulnAssessmentRelationship and what derives from it:
	SuppliedBy    string `json:"suppliedBy,omitempty"`
	Score         string `json:"security_score,omitempty"`
	Severity      string `json:"security_severity,omitempty"`
	Vector        string `json:"security_vectorString,omitempty"`
	Action        string `json:"security_actionStatement,omitempty"`
	Impact        string `json:"security_impactStatement,omitempty"`
	Justification string `json:"security_justificationType,omitempty"`
	Notes         string `json:"security_statusNotes,omitempty"`
}

type vulnerabilityElement struct {
	head
	Summary            string               `json:"summary,omitempty"`
	Description        string               `json:"description,omitempty"`
	Published          string               `json:"security_publishedTime,omitempty"`
	Modified           string               `json:"security_modifiedTime,omitempty"`
	ExternalIdentifier []externalIdentifier `json:"externalIdentifier,omitempty"`
	ExternalRef        []externalRef        `json:"externalRef,omitempty"`
	Extension          []extension          `json:"extension,omitempty"`
}
