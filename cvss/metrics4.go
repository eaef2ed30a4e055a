package cvss

// metrics4 are the metrics of version 4.0
// (https://www.first.org/cvss/v4.0/specification-document#Vector-String,
// table 23). Values are listed from the worst to the mildest, so that a code
// is one more than the level of the severity distance (section 8.2); only
// Safety, worse than all, stands last: it exists in two modified metrics alone.
var metrics4 = [...]metric{
	{"AV", "Attack Vector", "NALP", []value{{"N", "Network"}, {"A", "Adjacent"}, {"L", "Local"}, {"P", "Physical"}}, 0},
	{"AC", "Attack Complexity", "LH", []value{{"L", "Low"}, {"H", "High"}}, 1},
	{"AT", "Attack Requirements", "NP", []value{{"N", "None"}, {"P", "Present"}}, 2},
	{"PR", "Privileges Required", "NLH", []value{{"N", "None"}, {"L", "Low"}, {"H", "High"}}, 3},
	{"UI", "User Interaction", "NPA", []value{{"N", "None"}, {"P", "Passive"}, {"A", "Active"}}, 4},
	{"VC", "Confidentiality Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 5},
	{"VI", "Integrity Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 6},
	{"VA", "Availability Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 7},
	{"SC", "Confidentiality Impact to the Subsequent System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 8},
	{"SI", "Integrity Impact to the Subsequent System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 9},
	{"SA", "Availability Impact to the Subsequent System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 10},
	{"E", "Exploit Maturity", "APU", []value{{"A", "Attacked"}, {"P", "Proof-of-Concept"}, {"U", "Unreported"}}, 11},
	{"CR", "Confidentiality Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 12},
	{"IR", "Integrity Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 13},
	{"AR", "Availability Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 14},
	{"MAV", "Modified Attack Vector", "NALP", []value{{"N", "Network"}, {"A", "Adjacent"}, {"L", "Local"}, {"P", "Physical"}}, hiSlot + 0},
	{"MAC", "Modified Attack Complexity", "LH", []value{{"L", "Low"}, {"H", "High"}}, hiSlot + 1},
	{"MAT", "Modified Attack Requirements", "NP", []value{{"N", "None"}, {"P", "Present"}}, hiSlot + 2},
	{"MPR", "Modified Privileges Required", "NLH", []value{{"N", "None"}, {"L", "Low"}, {"H", "High"}}, hiSlot + 3},
	{"MUI", "Modified User Interaction", "NPA", []value{{"N", "None"}, {"P", "Passive"}, {"A", "Active"}}, hiSlot + 4},
	{"MVC", "Modified Confidentiality Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 5},
	{"MVI", "Modified Integrity Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 6},
	{"MVA", "Modified Availability Impact to the Vulnerable System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 7},
	{"MSC", "Modified Confidentiality Impact to the Subsequent System", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "Negligible"}}, hiSlot + 8},
	{"MSI", "Modified Integrity Impact to the Subsequent System", "HLNS", []value{{"H", "High"}, {"L", "Low"}, {"N", "Negligible"}, {"S", "Safety"}}, hiSlot + 9},
	{"MSA", "Modified Availability Impact to the Subsequent System", "HLNS", []value{{"H", "High"}, {"L", "Low"}, {"N", "Negligible"}, {"S", "Safety"}}, hiSlot + 10},
	{"S", "Safety", "NP", []value{{"N", "Negligible"}, {"P", "Present"}}, hiSlot + 11},
	{"AU", "Automatable", "NY", []value{{"N", "No"}, {"Y", "Yes"}}, hiSlot + 12},
	{"R", "Recovery", "AUI", []value{{"A", "Automatic"}, {"U", "User"}, {"I", "Irrecoverable"}}, hiSlot + 13},
	{"V", "Value Density", "DC", []value{{"D", "Diffuse"}, {"C", "Concentrated"}}, hiSlot + 14},
	{"RE", "Vulnerability Response Effort", "LMH", []value{{"L", "Low"}, {"M", "Moderate"}, {"H", "High"}}, hiSlot + 15},
	{"U", "Provider Urgency", "----", []value{{"Clear", "Clear"}, {"Green", "Green"}, {"Amber", "Amber"}, {"Red", "Red"}}, hiSlot + 16},
}
