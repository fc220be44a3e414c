// Command gitops is Argo CD's application controller, repository server, API server and CLI in one
// binary.
//
// The name that it is called by selects the program, as busybox does: the four share most of their
// code, so one binary compiles, links and stores it once.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	server "github.com/argoproj/argo-cd/v3/cmd/argocd-server/commands"
	cli "github.com/argoproj/argo-cd/v3/cmd/argocd/commands"
	"github.com/spf13/cobra"
)

var programs = map[string]func() *cobra.Command{
	"argocd":                        cli.NewCommand,
	"argocd-application-controller": controller.NewCommand,
	"argocd-repo-server":            reposerver.NewCommand,
	"argocd-server":                 server.NewCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	program, known := programs[name]
	if !known {
		names := make([]string, 0, len(programs))
		for other := range programs {
			names = append(names, other)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "%s: call this program as one of: %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	if err := program().Execute(); err != nil {
		os.Exit(1)
	}
}
