// Package deps holds the test that keeps the packages of this module apart:
// which of them may import which, and which other modules each may link.
package deps
