// Package browsertest tries [report.HTML] in a real browser: what a reader
// sees, with and without script, by mouse and by keyboard, on a screen of any
// width and on paper, and that nothing is loaded, sent or run that came from
// outside. It is a module of its own, so that the client of the browser stays
// out of the library's go.mod.
//
// It needs Chromium, as Debian's package "chromium" has it; without it the
// tests are skipped. With -shots they leave pictures in a folder, to be looked
// at.
package browsertest

import _ "github.com/imagevet/imagevet/scan/report" // for the link above
