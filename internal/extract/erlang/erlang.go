// Package erlang reads what tells of the applications, in the sense of OTP,
// that are installed for Erlang, Elixir and other languages of the BEAM: the
// [application resource file] ebin/NAME.app beside the compiled modules. It is
// there in an installation of Erlang or Elixir (lib/NAME-VERSION/ebin), in a
// release (the same), in a build of Mix or rebar3 (_build/…/lib/NAME/ebin), and
// in folders of plugins.
//
// The file is a term of Erlang, {application, Name, [{Key, Value}, …]}. Of
// interest are vsn, the version; licenses and maintainers, which rebar3 writes;
// applications and included_applications, which are what the application needs
// to run, less optional_applications.
//
// Nothing in the file tells where the application came from. Those of Erlang
// and Elixir themselves are known by a list of their names and are of type otp;
// all others count as packages of Hex. Their name in Hex is the name of the
// application with few exceptions.
//
// The content is hostile: size, number and nesting of terms are limited. A
// file that exceeds a limit is an error. Of a file that is cut off or not
// well-formed, what was read before that counts.
//
// [application resource file]: https://www.erlang.org/doc/apps/kernel/app.html
package erlang

import (
	"context"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest files list some thousand modules: 200 KiB.
	maxFile = 8 << 20
	// A name or version that is longer is none; atoms have 255 characters.
	maxName = 1024
)

// Extractor reads application resource files. The zero value is ready, and
// safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "erlang".
func (Extractor) Name() string { return "erlang" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the files that describe applications.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/ebin/*.app"}}
}

// Extract returns the application that the file describes. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	content, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{ctx: ctx, text: strings.ToValidUTF8(string(content), "\uFFFD")}
	t, err := p.parse()
	if err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	if p.damage != "" {
		problems.Add("%q: %s", lines.Clip(path.Base(f.Path())), p.damage)
	}
	var facts inventory.Facts
	if pkg, ok := application(t, f.Path(), &problems); ok {
		facts.Packages = []inventory.Package{pkg}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// application returns the package that a term describes.
func application(t term, file string, problems *lines.Problems) (inventory.Package, bool) {
	base := path.Base(file)
	if t.kind != tuple || len(t.items) < 2 || t.items[0].text != "application" || t.items[1].kind != atom {
		problems.Add("%q describes no application", lines.Clip(base))
		return inventory.Package{}, false
	}
	pkg := inventory.Package{Type: "hex", Name: t.items[1].text}
	if comesWithErlang[pkg.Name] {
		pkg.Type, pkg.Bundled = "otp", true
	}
	var optional []string
	if len(t.items) > 2 {
		for _, entry := range t.items[2].items {
			if entry.kind != tuple || len(entry.items) != 2 || entry.items[0].kind != atom {
				continue
			}
			value := entry.items[1]
			switch entry.items[0].text {
			case "vsn":
				if value.kind == text {
					pkg.Version = strings.TrimSpace(value.text)
				}
			case "licenses":
				pkg.Licenses = texts(value, text)
			case "maintainers":
				pkg.Maintainer = strings.Join(texts(value, text), ", ")
			case "applications", "included_applications":
				pkg.Requires = append(pkg.Requires, texts(value, atom)...)
			case "optional_applications":
				optional = texts(value, atom)
			}
		}
	}
	if pkg.Version == "" {
		// The folder of an installation or a release tells it too.
		folder := path.Base(path.Dir(path.Dir(file)))
		if version, ok := strings.CutPrefix(folder, pkg.Name+"-"); ok {
			pkg.Version = strings.ToValidUTF8(version, "\uFFFD")
		}
	}
	pkg.Requires = without(pkg.Requires, append(optional, pkg.Name))
	switch {
	case pkg.Name == "":
		problems.Add("%q has no name", lines.Clip(base))
		return inventory.Package{}, false
	case pkg.Version == "":
		problems.Add("application %q has no version", lines.Clip(pkg.Name))
		return inventory.Package{}, false
	case len(pkg.Name) > maxName || len(pkg.Version) > maxName:
		problems.Add("name or version of application %q is longer than %d bytes", lines.Clip(pkg.Name), maxName)
		return inventory.Package{}, false
	}
	return pkg, true
}

// texts returns the texts of the items of a list that are of a kind.
func texts(t term, k kind) []string {
	var list []string
	for _, item := range t.items {
		if s := strings.TrimSpace(item.text); t.kind == sequence && item.kind == k && s != "" {
			list = append(list, s)
		}
	}
	return list
}

// without returns the names that are not in others, each once.
func without(names, others []string) []string {
	var kept []string
	seen := make(map[string]bool)
	for _, name := range others {
		seen[name] = true
	}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}

// comesWithErlang names the applications of Erlang/OTP, those that were part
// of a release since 17 included, and of Elixir. Hex does not accept packages
// with these names.
var comesWithErlang = map[string]bool{
	"asn1": true, "common_test": true, "compiler": true, "cosEvent": true,
	"cosEventDomain": true, "cosFileTransfer": true, "cosNotification": true,
	"cosProperty": true, "cosTime": true, "cosTransactions": true,
	"crypto": true, "debugger": true, "dialyzer": true, "diameter": true,
	"edoc": true, "eldap": true, "erl_docgen": true, "erl_interface": true,
	"erts": true, "et": true, "eunit": true, "ftp": true, "gs": true,
	"hipe": true, "ic": true, "inets": true, "jinterface": true,
	"kernel": true, "megaco": true, "mnesia": true, "observer": true,
	"odbc": true, "orber": true, "os_mon": true, "ose": true,
	"otp_mibs": true, "parsetools": true, "percept": true,
	"public_key": true, "reltool": true, "runtime_tools": true,
	"sasl": true, "snmp": true, "ssh": true, "ssl": true, "stdlib": true,
	"syntax_tools": true, "test_server": true, "tftp": true, "tools": true,
	"typer": true, "webtool": true, "wx": true, "xmerl": true,

	"eex": true, "elixir": true, "ex_unit": true, "iex": true,
	"logger": true, "mix": true,
}
