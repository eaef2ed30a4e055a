package rivals

import "flag"

var cvssVectors = flag.Int("cvss.vectors", 20_000, "the number of random CVSS vectors of each version that are compared")
