package image

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// What an image says of its base:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys
const (
	annotationBaseName   = "org.opencontainers.image.base.name"
	annotationBaseDigest = "org.opencontainers.image.base.digest"
)

// base returns what a manifest says of the image's base.
func (d *document) base() inventory.Base {
	var all map[string]string
	if json.Unmarshal(d.Annotations, &all) != nil {
		return inventory.Base{}
	}
	return namedBase(all, "annotations")
}

// namedBase returns the base that annotations or labels name.
func namedBase(all map[string]string, from string) inventory.Base {
	b := inventory.Base{Name: all[annotationBaseName], Digest: all[annotationBaseDigest]}
	if len(b.Name)+len(b.Digest) == 0 || len(b.Name)+len(b.Digest) > maxLabel {
		return inventory.Base{}
	}
	b.From = from
	return b
}

// base adds to what the manifest says of the base what the configuration does.
func (c *imageConfig) base(named inventory.Base, labels map[string]string) inventory.Base {
	if named == (inventory.Base{}) {
		named = namedBase(labels, "labels")
	}
	guess := guessBase(c.History, len(c.RootFS.DiffIDs))
	if named == (inventory.Base{}) && guess.Name != "" {
		named.Name, named.From = guess.Name, "history"
	}
	named.Layers, named.Reason = guess.Layers, guess.Reason
	return named
}

// guessBase guesses from the history of an image of so many layers where the
// image ends that it was built on. A history is a list of steps without a mark
// between those of one build and of the next. These show it:
//
//   - Buildah writes "FROM name" into the comment of a step of its own build
//     (https://github.com/podman-container-tools/buildah/pull/5595). All layers
//     before are the base's.
//   - A build has one builder. Where steps of one follow on those of another,
//     one build ends. Steps that do not show their builder belong to neither,
//     and are not taken for the base's.
//   - A command that containers start is set at the end of a build. Where
//     layers follow on it and the same is set again later, another build has
//     begun. ENTRYPOINT again and again is one; CMD is also replaced by
//     ENTRYPOINT (https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact).
//     A command that nothing replaces says nothing: one Dockerfile can have it
//     before its last layer.
//   - But for a bare shell, which images of distributions end with. Nobody sets
//     that in a build of more.
//
// Of the ends that are found the last counts, as the base may have been built
// on another one itself. What is wrong about it is mostly that a base is larger:
// then some of what is inherited counts as the image's own.
func guessBase(history []historyEntry, layers int) inventory.Base {
	count := 0
	for _, h := range history {
		if !h.EmptyLayer {
			count++
		}
	}
	if count != layers || layers == 0 {
		return inventory.Base{} // the history is not that of the layers
	}
	var g baseGuess
	g.fromComments(history)
	g.fromBuilders(history)
	g.fromCommands(history)
	return g.best
}

// A baseGuess is the best of several guesses.
type baseGuess struct{ best inventory.Base }

// offer proposes that the steps before end are the base's.
func (g *baseGuess) offer(history []historyEntry, end int, name, reason string) {
	layers := 0
	for _, h := range history[:end] {
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers > g.best.Layers {
		g.best = inventory.Base{Name: name, Layers: layers, Reason: reason}
	}
}

func (g *baseGuess) fromComments(history []historyEntry) {
	for i, h := range history {
		name, ok := strings.CutPrefix(h.Comment, "FROM ")
		if !ok || len(name) > maxShown || strings.Trim(name, "0123456789abcdef") == "" { // the ID of a step before
			continue
		}
		g.offer(history, i, name, fmt.Sprintf("step %d of the history is said to build on %q", i+1, name))
	}
}

func (g *baseGuess) fromBuilders(history []historyEntry) {
	last, at := "", 0
	for i := range history {
		b := history[i].builder()
		if b == "" {
			continue
		}
		if last != "" && b != last {
			g.offer(history, at+1, "", fmt.Sprintf("the history shows another builder after step %d: first %s, then %s", at+1, last, b))
		}
		last, at = b, i
	}
}

func (g *baseGuess) fromCommands(history []historyEntry) {
	// From the end, so that what is set later is known.
	cmd, entrypoint := false, false // set by a step behind a layer that follows
	layers := false                 // that follow
	laterCmd, laterEntrypoint := "", ""
	for i := len(history) - 1; i >= 0; i-- {
		h := &history[i]
		if !h.EmptyLayer {
			layers = true
			cmd, entrypoint = laterCmd != "", laterEntrypoint != ""
			continue
		}
		word, text := h.instruction()
		switch {
		case word == "CMD" && cmd, word == "CMD" && entrypoint, word == "ENTRYPOINT" && entrypoint:
			by := laterEntrypoint
			if word == "CMD" && cmd {
				by = laterCmd
			}
			g.offer(history, i+1, "", fmt.Sprintf("step %d of the history, %s, is replaced later by %s", i+1, shorten(text), shorten(by)))
			return
		case word == "CMD" && layers && shells[strings.TrimSpace(text[len(word):])]:
			g.offer(history, i+1, "", fmt.Sprintf("step %d of the history, %s, is how images of distributions end", i+1, shorten(text)))
			return
		case word == "CMD":
			laterCmd = text
		case word == "ENTRYPOINT":
			laterEntrypoint = text
		}
	}
}

// shells are the arguments of CMD that are a shell and nothing else.
var shells = map[string]bool{
	`["sh"]`: true, `["/bin/sh"]`: true, `["bash"]`: true, `["/bin/bash"]`: true, `["/bin/ash"]`: true, `["/bin/zsh"]`: true,
	`["/bin/sh" "-c" "/bin/bash"]`: true, `["/bin/sh" "-c" "bash"]`: true,
}

// maxShown is how many bytes of a step or a name are shown.
const maxShown = 200

func shorten(s string) string {
	const most = 60
	if r := []rune(s[:min(len(s), maxShown)]); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// instruction returns the first word of a step that has no layer, and the step,
// as a Dockerfile has it. The old builder of Docker writes
// `/bin/sh -c #(nop)  CMD ["sh"]`, BuildKit `CMD ["sh"]`.
func (h *historyEntry) instruction() (word, text string) {
	text = h.CreatedBy
	if _, after, ok := strings.Cut(text[:min(len(text), maxShown)], "#(nop)"); ok {
		text = after
	}
	text = strings.TrimSuffix(strings.TrimSpace(text), " # buildkit")
	word, _, _ = strings.Cut(text, " ")
	return strings.ToUpper(word), text
}

// builder names what made a step, empty if the step does not show it.
func (h *historyEntry) builder() string {
	by := h.CreatedBy
	switch {
	case strings.HasPrefix(h.Comment, "buildkit."), strings.HasSuffix(by, "# buildkit"):
		return "BuildKit"
	case strings.HasPrefix(h.Comment, "debuerreotype"):
		return "debuerreotype"
	case strings.HasPrefix(by, "bazel build"):
		return "Bazel"
	case strings.HasPrefix(by, "jib-"), by == "jib":
		return "Jib"
	case strings.HasPrefix(by, "ko build "):
		return "ko"
	case strings.HasPrefix(by, "apko"):
		return "apko"
	case strings.HasPrefix(by, "/bin/sh -c #(nop)"):
		return "Docker's first builder or Buildah"
	}
	return ""
}
