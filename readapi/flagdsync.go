package readapi

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	sync "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	rpc "connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
)

// flagdSync are the calls of the service that gives clients the flags of one tenant or
// integrator: that of the caller, or the tenant that the selector names, by id or slug, as
// a context of OFREP would. The selector is the header Flagd-Selector, or else that of the
// message.
//
// It gives what can be given exactly: flags that come to one value there for everybody,
// until something happens or an instant comes, and then it sends them anew. Rules and
// splits are not translated, because flagd deals subjects out otherwise and its
// evaluators compare otherwise, each in its own way. A flag with them, one that a user
// there has a say in, and one that depends on such a flag is left out, and so is one
// whose value is a list or null; a client then has its own default, with the error
// FLAG_NOT_FOUND. The member omitted of the metadata says how many they are: clients have
// these with each evaluation. GetMetadata names them, and says why.
type flagdSync struct {
	ofrep
	shelf *shelf
}

// asked finds the place that flags are wanted of. Leave gives back the room for the work.
func (f flagdSync) asked(ctx context.Context, selector string) (a asking, leave func(), err error) {
	if a, leave, err = f.wanted(ctx, selector); err == nil && a.view.Node() == domain.PlatformID { // where a context may name anybody
		leave()
		err = flagdRefusal(flagdCallOf(ctx), wrongContext("name a tenant in the selector"))
	}
	return a, leave, err
}

// wanted is the place of the caller, or what the selector names: the header before the message,
// as flagd reads it.
func (f flagdSync) wanted(ctx context.Context, selector string) (a asking, leave func(), err error) {
	c := flagdCallOf(ctx)
	a.scope, selector = c.scope, cmp.Or(c.r.Header.Get("Flagd-Selector"), selector)
	if selector != "" && !a.name("tenantId", selector) {
		return a, nil, flagdRefusal(c, wrongContext("the selector is not the id or slug of a tenant"))
	}
	leave, no := f.begin(c.w.Header(), c.r, &a)
	if no != nil {
		return a, nil, flagdRefusal(c, no)
	}
	return a, leave, nil
}

// FetchAllFlags gives the flags once.
func (f flagdSync) FetchAllFlags(ctx context.Context, q *rpc.Request[sync.FetchAllFlagsRequest]) (*rpc.Response[sync.FetchAllFlagsResponse], error) {
	a, leave, err := f.asked(ctx, q.Msg.GetSelector())
	if err != nil {
		return nil, err
	}
	defer leave()
	d, err := f.shelf.document(&a.view, a.at)
	if err != nil {
		return nil, toldFlagd(err)
	}
	f.source.Uses.Note(a.view.Node(), "", a.at)
	return rpc.NewResponse(&sync.FetchAllFlagsResponse{FlagConfiguration: d.text}), nil
}

// GetMetadata names the flags that are left out of what is given, and says why. Clients
// ask it first and name nobody, so whoever is bound to no place is told nothing.
func (f flagdSync) GetMetadata(ctx context.Context, _ *rpc.Request[sync.GetMetadataRequest]) (*rpc.Response[sync.GetMetadataResponse], error) {
	a, leave, err := f.wanted(ctx, "")
	if err != nil {
		return nil, err
	}
	defer leave()
	if a.view.Node() == domain.PlatformID {
		return rpc.NewResponse(&sync.GetMetadataResponse{Metadata: &structpb.Struct{}}), nil
	}
	d, err := f.shelf.document(&a.view, a.at)
	if err != nil {
		return nil, toldFlagd(err)
	}
	why := map[string]any{}
	for k, reason := range d.omitted {
		why[string(k)] = string(reason)
	}
	told, err := structpb.NewStruct(map[string]any{"node": string(a.view.Node()), "omitted": why})
	if err != nil {
		return nil, toldFlagd(err)
	}
	return rpc.NewResponse(&sync.GetMetadataResponse{Metadata: told}), nil
}

// SyncFlags gives the flags at once and whenever they have become others. It takes room
// among the streams of OFREP, and lasts as long as the feed does.
func (f flagdSync) SyncFlags(ctx context.Context, q *rpc.Request[sync.SyncFlagsRequest], to *rpc.ServerStream[sync.SyncFlagsResponse]) error {
	a, leave, err := f.asked(ctx, q.Msg.GetSelector())
	if err != nil {
		return err
	}
	leave()
	node, c := a.view.Node(), flagdCallOf(ctx)
	alone := context.WithoutCancel(ctx) // others wait for it, too
	out := &documents{flagdSync: f, node: node, who: c.scope.Actor.ID, to: to, control: http.NewResponseController(c.w)}
	out.enter = func() (func(), error) { return edge.Enter(alone) }
	return f.tell(ctx, &follower{t: ticket{Node: node}, out: out, guests: true})
}

// documents tell a client of flagd everything, whenever it has become another.
type documents struct {
	flagdSync
	node    domain.NodeID
	who     string
	enter   func() (leave func(), err error) // finds room for the client's work
	to      *rpc.ServerStream[sync.SyncFlagsResponse]
	control *http.ResponseController
	last    [sha256.Size]byte
}

func (d *documents) changed(at uint64, now time.Time) bool {
	v, err := d.source.Flags.Look(flag.Question{Node: d.node, At: now, Position: at})
	if err != nil {
		return false
	}
	newest, err := d.shelf.shared(&v, now, d.source.Streams.party(d.who), d.enter)
	if err != nil || newest.sum == d.last {
		return err == nil
	}
	d.last = newest.sum
	d.source.Uses.Note(d.node, "", now)
	return flagdSend(d.control, d.to, &sync.SyncFlagsResponse{FlagConfiguration: newest.text})
}

// alive says nothing: whoever has the newest document is told when there is another.
// Clients that are gone do not answer the pings of HTTP/2. Whoever has it uses it.
func (d *documents) alive() bool {
	d.source.Uses.Note(d.node, "", d.now())
	return d.control.SetWriteDeadline(time.Time{}) == nil
}

// Definitions are the flags of a place as flagd has them (flagd.dev, flag definitions).
type definitions struct {
	Flags    map[flag.Key]definition `json:"flags"`
	Metadata map[string]any          `json:"metadata"`
	omitted  map[flag.Key]flag.Variance
}

// A definition is one flag that is the same for everybody. What is off has a value, too,
// so nothing is disabled.
type definition struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant string                     `json:"defaultVariant"`
	Metadata       *structpb.Struct           `json:"metadata,omitempty"`
}

// byType: flagd has no such values.
const byType flag.Variance = "type"

// compileFlagd makes of a view what flagd can be given of it.
func compileFlagd(v *flag.View) definitions {
	all := definitions{Flags: map[flag.Key]definition{}, omitted: map[flag.Key]flag.Variance{}}
	v.AllFixed(func(k flag.Key, answer flag.Answer, why flag.Variance) {
		if why == "" {
			if all.Flags[k], why = define(k, &answer); why != "" {
				delete(all.Flags, k)
			}
		}
		if why != "" {
			all.omitted[k] = why
		}
	})
	all.Metadata = map[string]any{"node": v.Node(), "omitted": len(all.omitted)}
	return all
}

func define(k flag.Key, answer *flag.Answer) (definition, flag.Variance) {
	e, err := readEvaluated(k, answer)
	if err != nil {
		return definition{}, byType
	}
	if _, ok := e.any(); !ok {
		return definition{}, byType
	}
	return definition{"ENABLED", map[string]json.RawMessage{e.Variant: e.Value}, e.Variant, e.Metadata}, ""
}

func (d definitions) document() (*document, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return &document{string(text), sha256.Sum256(text), d.omitted}, nil
}
