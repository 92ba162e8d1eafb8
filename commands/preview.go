package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
)

var (
	// ErrPreviewStale: what the command would change is not what its caller was shown.
	ErrPreviewStale = &domain.Error{Kind: domain.Conflict, Code: "preview-stale", Detail: "the command would not change now what it changed in the preview; look at a new one"}
	// ErrNotPreviewed: the command changes nothing that a preview could show.
	ErrNotPreviewed = &domain.Error{Kind: domain.Malformed, Code: "not-previewed", Detail: "there is no preview of this command; leave Reeve-Preview out"}
)

// previewed are the commands that have a preview, by their names.
var previewed = map[string]bool{}

// Catalog is every command there is, and the previews of those that change what flags
// come to.
var Catalog = slices.Concat(operations, []edge.Entry[*Ledger]{
	If[flag.Activate]("activateFlag"),
	If[flag.Archive]("archiveFlag"),
	If[flag.Define]("defineFlag"),
	If[flag.Deprecate]("deprecateFlag"),
	If[flag.Kill]("killFlag"),
	If[flag.Revive]("reviveFlag"),
	If[flag.SetPrerequisites]("setFlagPrerequisites"),
	If[flag.Update]("updateFlag"),

	If[flag.ClearOverride]("clearFlagOverride"),
	If[flag.Lock]("lockFlag"),
	If[flag.OptIn]("optFlagIn"),
	If[flag.OptOut]("optFlagOut"),
	If[flag.Override]("overrideFlag"),
	If[flag.AdvanceRollout]("advanceRollout"),
	If[flag.PauseRollout]("pauseRollout"),
	If[flag.ResumeRollout]("resumeRollout"),
	If[flag.SetRollout]("setRollout"),
	If[flag.Unlock]("unlockFlag"),

	If[flag.AssignFeatureSet]("assignFeatureSet"),
	If[flag.UnassignFeatureSet]("unassignFeatureSet"),

	If[flag.DefineSegment]("defineSegment"),
	If[flag.RetireSegment]("retireSegment"),
	If[flag.UpdateSegment]("updateSegment"),

	If[change.Require]("requireApprovals"),
	lookedAt("applyChangeRequestPreview", "POST /v1/preview/nodes/{node}/change-requests/{request}/apply", domain.ChangeApprove, "Show what the change request would change now, and change nothing."),

	If[integrator.Restart]("restartIntegrator"),
	If[integrator.Stop]("stopIntegrator"),
	If[tenant.Activate]("activateTenant"),
	If[tenant.Archive]("archiveTenant"),
	If[tenant.Reassign]("reassignTenant"),
	If[tenant.Resume]("resumeTenant"),
	If[tenant.Suspend]("suspendTenant"),
})

// If is the preview of a command: the same request under /v1/preview, by whoever may
// give the command, refused as that would be. It appends nothing.
func If[C domain.Command[S], S domain.State[S]](name string) edge.Entry[*Ledger] {
	i := slices.IndexFunc(operations, func(e edge.Entry[*Ledger]) bool { return e.Name == name && e.Input == reflect.TypeFor[C]() })
	if i < 0 {
		panic("there is no command " + name + " of " + reflect.TypeFor[C]().String())
	}
	e := operations[i]
	previewed[name] = true
	e.Name, e.Route, e.Creates = name+"Preview", strings.Replace(e.Route, "/v1/", "/v1/preview/", 1), false
	e.Summary = "Show what this would change, and change nothing: " + strings.ToLower(e.Summary[:1]) + e.Summary[1:]
	e.Output = reflect.TypeFor[flag.Preview]()
	e.Call = func(ctx context.Context, l *Ledger, bind edge.Bind, r edge.Request) (edge.Answer, error) {
		var cmd C
		if err := bind(&cmd); err != nil {
			return edge.Answer{}, err
		}
		began := time.Now()
		p, err := foresee(ctx, l, name, cmd, r)
		if l.o.Shown != nil {
			l.o.Shown(e.Name, r, began, len(p.Changes)+len(p.Shadowed), err)
		}
		return edge.Answer{Body: p, Position: p.Position}, err
	}
	return e
}

// foresee decides a command and tells what would come of it.
func foresee[C domain.Command[S], S domain.State[S]](ctx context.Context, l *Ledger, operation string, cmd C, r edge.Request) (p flag.Preview, err error) {
	if l.o.Flags == nil {
		return p, ErrNotPreviewed
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	facts, err := judge(ctx, l, operation, cmd, r)
	if err != nil {
		return p, err
	}
	book, err := l.o.Flags(ctx)
	if err != nil {
		return p, err
	}
	c := newCall(l, operation, cmd, r)
	e, err := book.If(c.meta(), facts...).Effect(ctx, sees(r))
	if err != nil {
		return p, err
	}
	p = e.Preview(c.preview(&e, facts))
	for _, f := range facts {
		if d, ok := events.Registry.Definition(f); ok {
			p.Facts = append(p.Facts, d.Name)
		}
	}
	return p, err
}

// sees tells which places a preview may show: those in the scope of the command where
// the caller may read flags, and of users those that it may read, too.
func sees(r edge.Request) func(*flag.Place) bool {
	flags, users := r.Scope, r.Scope
	if r.Caller != nil {
		flags = r.Caller.Scope(domain.PermissionsOf(domain.FlagRead))
		users = r.Caller.Scope(domain.PermissionsOf(domain.UserRead))
	}
	return func(p *flag.Place) bool {
		path := p.Path()
		return r.Scope.Covers(path) && flags.Covers(path) && (p.Level != domain.UserLevel || users.Covers(path))
	}
}

// preview names an effect: by its position, and by a digest of the command, of what it
// replaces and of everything that it changes. Of the facts only what they replace is in it: the rest may
// be of the instant of the decision.
func (c *call[C, S]) preview(e *flag.Effect, facts []domain.Event) string {
	parts := []any{c.cmd}
	for _, f := range facts {
		if change, ok := f.(interface{ Change() (before, after any) }); ok {
			before, _ := change.Change()
			parts = append(parts, before)
		}
	}
	said, _ := json.Marshal(parts) // a command came as JSON, and a fact is stored as such
	return strconv.FormatUint(e.Position, 10) + "-" + c.digest("preview", c.operation, string(c.cmd.Stream()), string(said), e.Digest())
}

// look is how long the head of the log is waited for while others are held up.
const look = 250 * time.Millisecond

// fenced appends facts, unless the caller was shown that they change something else.
// While it looks, other commands of this process that change what flags come to go
// on; before it appends they are held up, and what has come meanwhile, from wherever,
// is looked through: if it is about the same flags and places, the command begins
// again, and whatever else it is makes no difference. So nothing comes between, but for
// what another process appends in the time that one append takes.
func (c *call[C, S]) fenced(ctx context.Context, m *memory[S], facts []domain.Event) (domain.Receipt, error) {
	shown := c.r.Preview
	switch concerns := flag.Concerns(c.cmd.Stream()); {
	case len(facts) == 0 && shown == "":
		return c.receipt(m, nil), nil
	case !concerns:
		return c.claiming(ctx, m, facts)
	case shown == "":
		c.fence.RLock()
		defer c.fence.RUnlock()
		return c.claiming(ctx, m, facts)
	}
	for range attempts {
		receipt, moved, err := c.unmoved(ctx, m, facts)
		if !moved || err != nil {
			return receipt, err
		}
	}
	return domain.Receipt{}, ErrBusy
}

// A held command has been compared with what its caller was shown, and notes what comes
// from then on.
type held struct {
	*flag.Watch
	facts string // that it decided on
}

// unmoved compares, and appends unless something has moved meanwhile.
func (c *call[C, S]) unmoved(ctx context.Context, m *memory[S], facts []domain.Event) (r domain.Receipt, moved bool, err error) {
	if err := c.compare(ctx, facts); err != nil {
		r, err = c.unless(ctx, m, err)
		return r, false, err
	}
	if !c.held.Stands() { // much may have come, and others need not wait until it is looked through
		return r, true, nil
	}
	c.fence.Lock()
	defer c.fence.Unlock()
	if c.moved(ctx) {
		return r, true, nil
	}
	if len(facts) == 0 {
		return c.receipt(m, nil), false, nil
	}
	r, err = c.claiming(ctx, m, facts)
	return r, false, err
}

// unless refuses what has moved, unless it is this very command that moved it, which
// another process has just given.
func (c *call[C, S]) unless(ctx context.Context, m *memory[S], moved error) (domain.Receipt, error) {
	if !errors.Is(moved, ErrPreviewStale) {
		return domain.Receipt{}, moved
	}
	if err := c.refresh(ctx, m); err != nil {
		return domain.Receipt{}, err
	}
	if r, found, err := c.repeated(m); found {
		return r, err
	}
	return domain.Receipt{}, moved
}

// compare refuses what the caller was not shown. What was compared before and still
// stands is not compared again: whoever raced the command to its stream may have been
// about something else.
func (c *call[C, S]) compare(ctx context.Context, facts []domain.Event) error {
	said, _ := json.Marshal(facts) // which are stored as such
	if c.held != nil && c.held.facts == string(said) && c.held.Stands() {
		return nil
	}
	c.release()
	book, err := c.o.Flags(ctx)
	if err != nil {
		return err
	}
	w := book.Watch(c.meta(), facts...)
	c.held = &held{w, string(said)}
	e, err := w.Effect(ctx, nil)
	if err != nil {
		return err
	}
	if _, now, _ := strings.Cut(c.preview(&e, facts), "-"); !strings.HasSuffix(c.r.Preview, "-"+now) {
		return c.stale(ctx, w.Prospect, facts)
	}
	return nil
}

// release stops noting what comes.
func (c *call[C, S]) release() {
	if c.held != nil {
		c.held.End()
		c.held = nil
	}
}

// moved reports whether something that matters has come since the comparison, or may
// have.
func (c *call[C, S]) moved(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	_, err := c.o.Flags(ctx)
	return err != nil || !c.held.Stands()
}

// meta is that of the facts, now.
func (c *call[C, S]) meta() domain.Meta {
	meta := c.r.Meta
	meta.At = c.now()
	return meta
}

// differences is how many of them a refusal names.
const differences = 20

// stale tells what is different from what the caller was shown, if it was this command
// that was shown.
func (c *call[C, S]) stale(ctx context.Context, now *flag.Prospect, facts []domain.Event) error {
	text, _, _ := strings.Cut(c.r.Preview, "-")
	position, err := strconv.ParseUint(text, 10, 64)
	book, unreachable := c.o.Flags(ctx)
	untold := ErrPreviewStale.At("Reeve-Preview", "what is different cannot be told: the command, or what it replaces, is another by now")
	if err != nil || unreachable != nil {
		return untold
	}
	then := book.IfAt(position, c.meta(), facts...)
	e, err := then.Effect(ctx, nil)
	if err != nil || c.preview(&e, facts) != c.r.Preview {
		return untold
	}
	refusal := ErrPreviewStale.With(fmt.Sprintf("%s; it was of position %d, and now is %d", ErrPreviewStale.Detail, position, now.Position()))
	for _, d := range now.Since(ctx, then, sees(c.r), differences) {
		refusal = refusal.At("Reeve-Preview", d)
	}
	return refusal
}
