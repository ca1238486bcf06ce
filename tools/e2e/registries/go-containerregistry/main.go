// Command go-containerregistry serves the registry of the library of that name on an address, with manifests in memory.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:5000", "where to listen")
	blobs := flag.String("blobs", "", "folder for blobs")
	certificate := flag.String("certificate", "", "file of the certificate; without it the registry speaks plain HTTP")
	key := flag.String("key", "", "file of the certificate's key")
	flag.Parse()

	handler := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(*blobs)))
	if *certificate != "" {
		log.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, handler))
	}
	log.Fatal(http.ListenAndServe(*address, handler))
}
