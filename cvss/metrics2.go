package cvss

// metrics2 are the metrics of version 2.0
// (https://www.first.org/cvss/v2/guide#2-4-Base-Temporal-Environmental-Vectors).
// Their numbers are in score2.go, in the same order.
var metrics2 = [...]metric{
	{"AV", "Access Vector", "LAN", []value{{"L", "Local"}, {"A", "Adjacent Network"}, {"N", "Network"}}, 0},
	{"AC", "Access Complexity", "HML", []value{{"H", "High"}, {"M", "Medium"}, {"L", "Low"}}, 1},
	{"Au", "Authentication", "MSN", []value{{"M", "Multiple"}, {"S", "Single"}, {"N", "None"}}, 2},
	{"C", "Confidentiality Impact", "NPC", []value{{"N", "None"}, {"P", "Partial"}, {"C", "Complete"}}, 3},
	{"I", "Integrity Impact", "NPC", []value{{"N", "None"}, {"P", "Partial"}, {"C", "Complete"}}, 4},
	{"A", "Availability Impact", "NPC", []value{{"N", "None"}, {"P", "Partial"}, {"C", "Complete"}}, 5},
	{"E", "Exploitability", "U-FH", []value{{"U", "Unproven"}, {"POC", "Proof-of-Concept"}, {"F", "Functional"}, {"H", "High"}}, 6},
	{"RL", "Remediation Level", "--WU", []value{{"OF", "Official Fix"}, {"TF", "Temporary Fix"}, {"W", "Workaround"}, {"U", "Unavailable"}}, 7},
	{"RC", "Report Confidence", "--C", []value{{"UC", "Unconfirmed"}, {"UR", "Uncorroborated"}, {"C", "Confirmed"}}, 8},
	{"CDP", "Collateral Damage Potential", "NL--H", []value{{"N", "None"}, {"L", "Low"}, {"LM", "Low-Medium"}, {"MH", "Medium-High"}, {"H", "High"}}, 9},
	{"TD", "Target Distribution", "NLMH", []value{{"N", "None"}, {"L", "Low"}, {"M", "Medium"}, {"H", "High"}}, 10},
	{"CR", "Confidentiality Requirement", "LMH", []value{{"L", "Low"}, {"M", "Medium"}, {"H", "High"}}, 11},
	{"IR", "Integrity Requirement", "LMH", []value{{"L", "Low"}, {"M", "Medium"}, {"H", "High"}}, 12},
	{"AR", "Availability Requirement", "LMH", []value{{"L", "Low"}, {"M", "Medium"}, {"H", "High"}}, 13},
}
