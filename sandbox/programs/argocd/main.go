// Command gitops is Argo CD (application controller, repository server, API server, CLI) and the
// Redis that it caches in, in one binary.
//
// The name that it is called by selects the program, as busybox does: they share most of their
// code, so one binary compiles, links and stores it once.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/alicebob/miniredis/v2"
	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	server "github.com/argoproj/argo-cd/v3/cmd/argocd-server/commands"
	cli "github.com/argoproj/argo-cd/v3/cmd/argocd/commands"
	"github.com/spf13/cobra"
)

var programs = map[string]func() *cobra.Command{
	"argocd":                        cli.NewCommand,
	"argocd-application-controller": controller.NewCommand,
	"argocd-redis":                  newRedisCommand,
	"argocd-repo-server":            reposerver.NewCommand,
	"argocd-server":                 server.NewCommand,
}

// newRedisCommand serves an in-memory Redis until it is told to end: Argo CD needs nothing of its
// cache but that it is there.
func newRedisCommand() *cobra.Command {
	var address string
	command := &cobra.Command{
		Use: "argocd-redis",
		RunE: func(*cobra.Command, []string) error {
			cache := miniredis.NewMiniRedis()
			if err := cache.StartAddr(address); err != nil {
				return err
			}
			defer cache.Close()
			ended := make(chan os.Signal, 1)
			signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
			<-ended
			return nil
		},
	}
	command.Flags().StringVar(&address, "address", "127.0.0.1:6379", "where to listen")
	return command
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
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
