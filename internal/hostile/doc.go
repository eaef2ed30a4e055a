// Package hostile makes images that are meant to harm whoever reads them, or to
// fool them: to write outside of a folder, to fill memory or time, to hide
// packages. [Cases] lists them, each with the answer that a scan must give.
package hostile
