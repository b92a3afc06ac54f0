package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tokenkeep/tokenkeep"
)

// taskEnv names the environment variable that carries a child's task.
const taskEnv = "STORETEST_TASK"

// linePrefix tells the lines of a child apart from what else the test prints.
const linePrefix = "storetest: "

// A task is what a child process does.
type task struct {
	Test  string        `json:"test"`  // the test that called Run
	Role  string        `json:"role"`  // one of roles
	DSN   string        `json:"dsn"`   // of the store
	Index int           `json:"index"` // of the child among its siblings
	Count int           `json:"count"` // how often, with how many goroutines, or from which generation on
	ID    string        `json:"id"`    // the row to work on
	URL   string        `json:"url"`   // of the token server
	Step  int           `json:"step"`  // of the refresh transaction, at which to wait
	Need  time.Duration `json:"need"`  // for how long the access token must be good
	Claim time.Duration `json:"claim"` // the time of a claim
}

// IsChild reports whether this process was started by the suite to play a part
// in one of its checks. A test asks it to skip what only the parent needs.
func IsChild() bool { return os.Getenv(taskEnv) != "" }

// playChild does the task of a child process and ends the process. In the parent
// it returns false. In a child of another test it returns true, and the caller
// must do nothing.
func playChild(tb testing.TB, cfg Config) bool {
	tb.Helper()
	if !IsChild() {
		return false
	}
	var t task
	if err := json.Unmarshal([]byte(os.Getenv(taskEnv)), &t); err != nil {
		tb.Fatalf("storetest: %s: %v", taskEnv, err)
	}
	if t.Test != tb.Name() {
		return true
	}
	p := &player{cfg: cfg, task: t, commands: make(chan string)}
	go p.listen()
	os.Exit(p.play(tb.Context()))
	return true
}

// A player is the child's side of a task.
type player struct {
	cfg      Config
	task     task
	commands chan string // what the parent says
}

// listen reads the parent's commands, and ends the process when the parent is
// gone.
func (p *player) listen() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		p.commands <- in.Text()
	}
	os.Exit(3)
}

// play waits for the start, does the task, and returns the exit code.
func (p *player) play(ctx context.Context) int {
	role, ok := roles()[p.task.Role]
	if !ok {
		p.say("error unknown role %s", p.task.Role)
		return 1
	}
	p.say("ready")
	<-p.commands
	if err := role(ctx, p); err != nil {
		p.say("error %s", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	p.say("done")
	return 0
}

// say writes one line to the parent, in one write, so that a kill cuts none.
func (p *player) say(format string, args ...any) {
	_, _ = os.Stdout.WriteString(linePrefix + fmt.Sprintf(format, args...) + "\n")
}

// store opens the store of the task; it stays open until the process ends.
func (p *player) store(ctx context.Context) (tokenkeep.TokenStore, error) {
	s, err := p.cfg.Open(ctx, p.task.DSN)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return s, nil
}

// withStore does f on an open store and closes it.
func (p *player) withStore(ctx context.Context, f func(tokenkeep.TokenStore) error) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), closeStore(s))
}

// roles are what children can do.
func roles() map[string]func(context.Context, *player) error {
	return map[string]func(context.Context, *player) error{
		"save":    playSave,
		"count":   playCount,
		"torture": playTorture,
		"call":    playCall,
		"step":    playStep,
		"end":     playEnd,
		"refresh": playRefresh,
		"append":  playAppend,
		"record":  playRecord,
	}
}
