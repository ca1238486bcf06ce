// Tells what BuildKit reads in Dockerfiles: the tests hold the product's reader to it.
//
// Standard input: one JSON object a line, {"dockerfile": base64, "arguments": {name: value}}. Standard output: for each, one line,
// the Answer below. It asks nobody: images are resolved here, to a configuration that only sets variables.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Question is one Dockerfile and the build arguments that are given with it.
type Question struct {
	Dockerfile []byte            `json:"dockerfile"`
	Arguments  map[string]string `json:"arguments"`
}

// Answer is what BuildKit finds in it. Error says why BuildKit refuses the text; Frontend is the image that `syntax` names.
type Answer struct {
	Error        string        `json:"error"`
	Frontend     string        `json:"frontend"`
	Instructions []Instruction `json:"instructions"`
	Targets      []Target      `json:"targets"`
}

// Instruction is a node of the parser's: lines count from 1.
type Instruction struct {
	Keyword  string   `json:"keyword"`
	Line     int      `json:"line"`
	EndLine  int      `json:"end-line"`
	Flags    []string `json:"flags"`
	Heredocs int      `json:"heredocs"`
}

// Target is what a build of one stage reads. Images are full references; Addresses those that no checksum binds; Git says whether
// a path of the context can be `.git` or in it.
type Target struct {
	Name      string   `json:"name"`
	Error     string   `json:"error"`
	Images    []string `json:"images"`
	Addresses []string `json:"addresses"`
	Git       bool     `json:"git"`
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(output)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var question Question
		if err := json.Unmarshal(line, &question); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if err := encoder.Encode(answer(question)); err != nil {
			os.Exit(1)
		}
		output.Flush()
	}
}

func answer(question Question) (result Answer) {
	defer func() {
		if failure := recover(); failure != nil {
			result.Error = fmt.Sprintf("panic: %v", failure)
		}
	}()
	result.Frontend, _, _, _ = parser.DetectSyntax(question.Dockerfile)
	parsed, err := parser.Parse(bytes.NewReader(question.Dockerfile))
	if err != nil {
		result.Error = err.Error()
		return result
	}
	for _, node := range parsed.AST.Children {
		result.Instructions = append(result.Instructions, Instruction{
			Keyword: strings.ToUpper(node.Value), Line: node.StartLine, EndLine: node.EndLine, Flags: node.Flags, Heredocs: len(node.Heredocs),
		})
	}
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		result.Error = err.Error()
		return result
	}
	names := []string{""}
	for _, stage := range stages {
		if stage.Name != "" && !slices.Contains(names, stage.Name) {
			names = append(names, stage.Name)
		}
	}
	for _, name := range names {
		result.Targets = append(result.Targets, target(question, name))
	}
	return result
}

func target(question Question, name string) (result Target) {
	result.Name = name
	defer func() {
		if failure := recover(); failure != nil {
			result.Error = fmt.Sprintf("panic: %v", failure)
		}
	}()
	resolver := &resolver{images: map[string]bool{}}
	capabilities := pb.Caps.CapSet(pb.Caps.All())
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	converted, err := dockerfile2llb.Dockerfile2LLB(context.Background(), question.Dockerfile, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{Target: name, BuildArgs: maps.Clone(question.Arguments)},
		TargetPlatform: &platform,
		MetaResolver:   resolver,
		LLBCaps:        &capabilities,
	})
	if err != nil {
		result.Error = err.Error()
		return result
	}
	definition, err := converted.State.Marshal(context.Background(), llb.Platform(platform))
	if err != nil {
		result.Error = err.Error()
		return result
	}
	operations := map[string]*pb.Op{}
	for _, content := range definition.Def {
		var operation pb.Op
		if err := operation.Unmarshal(content); err != nil {
			result.Error = err.Error()
			return result
		}
		operations[digest.FromBytes(content).String()] = &operation
	}
	for _, operation := range operations {
		if source := operation.GetSource(); source != nil {
			result.add(source, resolver.images)
		}
		for _, name := range contextPaths(operation, operations) {
			result.Git = result.Git || reachesGit(name)
		}
	}
	result.Images = slices.Sorted(maps.Keys(resolver.images))
	return result
}

func (result *Target) add(source *pb.SourceOp, images map[string]bool) {
	kind, rest, _ := strings.Cut(source.Identifier, "://")
	switch kind {
	case "docker-image":
		images[rest] = true
	case "local":
	default:
		if source.Attrs[pb.AttrHTTPChecksum] == "" && source.Attrs[pb.AttrGitChecksum] == "" {
			result.Addresses = append(result.Addresses, source.Identifier)
		}
	}
}

// contextPaths lists the paths, or patterns, of the context that an operation copies or mounts.
func contextPaths(operation *pb.Op, operations map[string]*pb.Op) (paths []string) {
	isContext := func(index int64) bool {
		if index < 0 || index >= int64(len(operation.Inputs)) {
			return false
		}
		source := operations[operation.Inputs[index].Digest].GetSource()
		return source != nil && strings.HasPrefix(source.Identifier, "local://")
	}
	for _, action := range operation.GetFile().GetActions() {
		copied := action.GetCopy()
		if copied == nil || !isContext(action.SecondaryInput) {
			continue
		}
		if len(copied.IncludePatterns) == 0 {
			paths = append(paths, copied.Src)
		}
		for _, pattern := range copied.IncludePatterns {
			paths = append(paths, path.Join(copied.Src, pattern))
		}
	}
	for _, mount := range operation.GetExec().GetMounts() {
		if isContext(mount.Input) {
			paths = append(paths, mount.Selector)
		}
	}
	return paths
}

// reachesGit tells whether a path, or a pattern, of the context is `.git`, holds it or is in it.
func reachesGit(name string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	matches, err := path.Match(first, ".git")
	// The build of a malformed pattern fails.
	return first == "" || first == "**" || (err == nil && matches)
}

// resolver answers for every registry, and notes what it is asked for.
type resolver struct {
	mutex  sync.Mutex
	images map[string]bool
}

func (r *resolver) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.images[ref] = true
	layer := digest.FromString("layer")
	content, err := json.Marshal(ocispecs.Image{
		// An image may set variables that the Dockerfile uses: nobody may take them for unset.
		Config:   ocispecs.ImageConfig{Env: []string{"A=.git", "B=https://host.test/of-the-base"}},
		Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer}},
	})
	return ref, "", content, err
}
