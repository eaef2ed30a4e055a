package cvss

// metrics3 are the metrics of versions 3.0 and 3.1
// (https://www.first.org/cvss/v3.1/specification-document#Vector-String,
// table 15). Their numbers are in score3.go, in the same order.
var metrics3 = [...]metric{
	{"AV", "Attack Vector", "NALP", []value{{"N", "Network"}, {"A", "Adjacent"}, {"L", "Local"}, {"P", "Physical"}}, 0},
	{"AC", "Attack Complexity", "LH", []value{{"L", "Low"}, {"H", "High"}}, 1},
	{"PR", "Privileges Required", "NLH", []value{{"N", "None"}, {"L", "Low"}, {"H", "High"}}, 2},
	{"UI", "User Interaction", "NR", []value{{"N", "None"}, {"R", "Required"}}, 3},
	{"S", "Scope", "UC", []value{{"U", "Unchanged"}, {"C", "Changed"}}, 4},
	{"C", "Confidentiality", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 5},
	{"I", "Integrity", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 6},
	{"A", "Availability", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, 7},
	{"E", "Exploit Code Maturity", "HFPU", []value{{"H", "High"}, {"F", "Functional"}, {"P", "Proof-of-Concept"}, {"U", "Unproven"}}, 8},
	{"RL", "Remediation Level", "UWTO", []value{{"U", "Unavailable"}, {"W", "Workaround"}, {"T", "Temporary Fix"}, {"O", "Official Fix"}}, 9},
	{"RC", "Report Confidence", "CRU", []value{{"C", "Confirmed"}, {"R", "Reasonable"}, {"U", "Unknown"}}, 10},
	{"CR", "Confidentiality Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 11},
	{"IR", "Integrity Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 12},
	{"AR", "Availability Requirement", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 13},
	{"MAV", "Modified Attack Vector", "NALP", []value{{"N", "Network"}, {"A", "Adjacent"}, {"L", "Local"}, {"P", "Physical"}}, hiSlot + 0},
	{"MAC", "Modified Attack Complexity", "LH", []value{{"L", "Low"}, {"H", "High"}}, hiSlot + 1},
	{"MPR", "Modified Privileges Required", "NLH", []value{{"N", "None"}, {"L", "Low"}, {"H", "High"}}, hiSlot + 2},
	{"MUI", "Modified User Interaction", "NR", []value{{"N", "None"}, {"R", "Required"}}, hiSlot + 3},
	{"MS", "Modified Scope", "UC", []value{{"U", "Unchanged"}, {"C", "Changed"}}, hiSlot + 4},
	{"MC", "Modified Confidentiality", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 5},
	{"MI", "Modified Integrity", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 6},
	{"MA", "Modified Availability", "HLN", []value{{"H", "High"}, {"L", "Low"}, {"N", "None"}}, hiSlot + 7},
}
