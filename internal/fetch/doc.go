// Package fetch downloads files over HTTP from servers that it does not trust
// and over lines that break.
//
// A [Client] tries again, with growing pauses, what may work the next time,
// and goes on where a broken download of a file ended. It holds what it got
// against Content-Length and, where a server sends them, the checksums of the
// header X-Goog-Hash (https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash).
// Conditional requests, ranges and their validators are those of RFC 9110,
// https://www.rfc-editor.org/rfc/rfc9110.
package fetch
