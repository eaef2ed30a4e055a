// Package registry says how registries are talked to: with which credentials,
// through which mirrors, with which certificates, and what is refused. It is
// shared by the packages that pull: a [Config] is handed to image.WithRegistry,
// scan.WithRegistry and oci.WithRegistry. It sends nothing itself.
//
// # Credentials
//
// A [Config.Keychain] is asked for the credentials of one registry. The
// default, [DefaultKeychain], reads the files of Docker and Podman with the
// credential helpers that they name; [AuthFile] reads one file; [Basic] and
// [Token] are for a program that has the credentials already. Those of cloud
// providers implement the same interface, authn.Keychain of
// go-containerregistry, and are put together with authn.NewMultiKeychain, the
// first that has something wins.
//
// Credentials are sent to the registry that they are for and, where it asks for
// tokens of a token server, to that. They never follow a redirect to another
// host. A token server on another host gets them only if it belongs to the
// registry; see [Config.TokenHosts]. Neither are they part of an error.
//
// # Mirrors
//
// [Rules] are those of Podman's registries.conf: which mirrors of a registry are
// asked before it, and where it really is.
//
// # What is refused
//
// A registry can send the client anywhere: by a redirect, by the name of a token
// server, by the address of a layer that is stored elsewhere. Refused are plain
// HTTP unless [Config.Insecure] allows it or the host is this machine, schemes
// other than HTTP, addresses of the link (among them those that tell a cloud's
// machine its secrets), and addresses that are nearer than those of the
// registry: a registry on the internet cannot send the client into a private
// network, one in a private network not to this machine. Names are looked up, so a
// name that stands for such an address is refused too, unless a proxy is used,
// which does that itself. [Config.Unrestricted] lifts this.
//
// The values of this package are not changed by those who use them; many
// goroutines can read them at once.
package registry
