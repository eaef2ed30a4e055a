package registry

import "errors"

// What is wrapped by the error of a request that was not sent, or of an answer
// that was not accepted.
var (
	// ErrPlainHTTP is that of plain HTTP that [Config.Insecure] does not allow.
	ErrPlainHTTP = errors.New("refused to use plain HTTP, which only an insecure configuration allows")

	// ErrAddress is that of an address, or a scheme, to which a registry must
	// not send the client: see the package comment.
	ErrAddress = errors.New("refused to be sent there by a registry")

	// ErrTokenHost is that of a token server on another host that would get
	// the registry's credentials: see [Config.TokenHosts].
	ErrTokenHost = errors.New("refused to send the registry's credentials to another host, which TokenHosts allows")

	// ErrRedirects is that of an answer that redirects too often.
	ErrRedirects = errors.New("redirected too often")

	// ErrBlocked is that of a registry that [Rules] block.
	ErrBlocked = errors.New("blocked by the rules for registries")

	// ErrForeignLayer is that of a layer which is not in the registry, but on
	// hosts that the manifest names: see [Config.ForeignLayers].
	ErrForeignLayer = errors.New("the layer is not stored in the registry, and fetching it from where the manifest says is only done if ForeignLayers allows it")

	// ErrAmbiguous is that of a reference without a registry where [Rules]
	// list several to search.
	ErrAmbiguous = errors.New("no registry is given, and the rules list several to search: write the registry in front")
)
