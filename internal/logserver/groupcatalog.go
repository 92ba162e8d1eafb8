package logserver

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// groupsStream holds the configuration of all groups in its last event.
const (
	groupsStream = "$persistentSubscriptionConfig"
	groupsType   = "$PersistentConfig"
)

// A groupCatalog knows the persistent subscriptions and runs each of them.
//
// Invariant: a group runs exactly while the newest configuration in the log
// names it; the configuration is durable before the group begins.
type groupCatalog struct {
	*journal
	stall   time.Duration
	leaving <-chan struct{}

	changing sync.Mutex // held while the configuration is replaced
	mu       sync.Mutex // guards running
	running  map[groupKey]*groupRun
}

// A groupsRecord is the event that holds all configurations.
type groupsRecord struct {
	Version string        `json:"version"`
	Updated time.Time     `json:"updated"`
	Entries []groupConfig `json:"entries"`
}

// openGroups starts the groups the log knows.
func openGroups(j *journal, stall time.Duration, leaving <-chan struct{}) (*groupCatalog, error) {
	c := &groupCatalog{journal: j, stall: stall, leaving: leaving, running: map[groupKey]*groupRun{}}
	return c, c.load()
}

func (c *groupCatalog) load() error {
	configs, err := c.configured()
	if err != nil {
		return err
	}
	for _, config := range configs {
		switch err := c.begin(config); {
		case err == nil:
		case isAnswer(err): // we refuse such a filter; somebody else has written it
			c.logger.Error("a persistent subscription cannot be served", "group", config.groupKey, "cause", err)
		default:
			return err
		}
	}
	return nil
}

// configured reads the newest configuration that is one. Somebody else may
// have written into the stream; that must not cost the groups.
func (c *groupCatalog) configured() ([]groupConfig, error) {
	last, err := c.last(groupsStream, c.head.Load())
	for err == nil && last != noEntry {
		var entries []entry
		if entries, err = c.entriesBack(groupsStream, last.revision, 1); err != nil || len(entries) == 0 {
			return nil, err
		}
		var found decoded
		if found, err = c.decoded(entries[0].position); err != nil {
			return nil, err
		}
		var stored groupsRecord
		if string(found.kind) == groupsType && json.Unmarshal(found.data, &stored) == nil {
			return stored.Entries, nil
		}
		c.logger.Warn("not a configuration of persistent subscriptions", "revision", found.revision)
		last = entry{revision: found.revision - 1}
	}
	return nil, err
}

func (c *groupCatalog) begin(config groupConfig) error {
	r, err := newGroupRun(c, config)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.running[config.groupKey] = r
	c.mu.Unlock()
	c.readers.Go(r.run)
	return nil
}

// find returns a running group, or nil.
func (c *groupCatalog) find(k groupKey) *groupRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[k]
}

// all are the running groups in the order of their names.
func (c *groupCatalog) all() []*groupRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []*groupRun
	for _, r := range c.running {
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b *groupRun) int { return cmp.Compare(a.String(), b.String()) })
	return found
}

// end stops a group, tells its consumers why, and waits until it is over.
func (c *groupCatalog) end(r *groupRun, cause error) {
	c.mu.Lock()
	delete(c.running, r.groupKey)
	c.mu.Unlock()
	r.halt(cause)
	<-r.ended
}

// create configures and begins a new group.
func (c *groupCatalog) create(config groupConfig) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.find(config.groupKey) != nil {
		return groupExists(config.groupKey)
	}
	if err := c.clear(config.groupKey); err != nil {
		return err
	}
	if err := c.fix(&config, nil); err != nil {
		return err
	}
	if err := c.configure(config.groupKey, &config); err != nil {
		return err
	}
	return c.begin(config)
}

// update replaces a group's configuration, but for its filter. Consumers are
// dropped and must come again.
func (c *groupCatalog) update(config groupConfig) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	r := c.find(config.groupKey)
	if r == nil {
		return groupMissing(config.groupKey)
	}
	config.Filter = r.config.Filter
	if err := c.fix(&config, &r.config); err != nil {
		return err
	}
	if err := c.configure(config.groupKey, &config); err != nil {
		return err
	}
	c.end(r, groupDropped(config.groupKey))
	return c.begin(config)
}

// fix says where the group's start is now. An end that was fixed before stays.
func (c *groupCatalog) fix(config *groupConfig, before *groupConfig) error {
	switch {
	case config.StartFrom != startsAtEnd:
		config.First = config.StartFrom
	case before != nil && before.StartFrom == startsAtEnd:
		config.First = before.First
	case config.ofAll():
		config.First = int64(c.head.Load()) + 1
	default:
		last, err := c.last(config.Stream, c.head.Load())
		if err != nil || last.revision == tombstoneRevision {
			return err // nothing follows a tombstone
		}
		config.First = last.revision + 1
	}
	return nil
}

// delete ends a group and what was kept for it.
func (c *groupCatalog) delete(k groupKey) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	r := c.find(k)
	if r == nil {
		return groupMissing(k)
	}
	if err := c.configure(k, nil); err != nil {
		return err
	}
	c.end(r, groupMissing(k))
	if err := c.forget(k); err != nil { // creating it again clears them as well
		c.logger.Warn("deleting what a persistent subscription kept", "group", k.String(), "error", err)
	}
	return nil
}

// restart ends all groups and begins them again from what the log says.
func (c *groupCatalog) restart() error {
	c.changing.Lock()
	defer c.changing.Unlock()
	for _, r := range c.all() {
		c.end(r, groupDropped(r.groupKey))
	}
	return c.load()
}

// configure writes all configurations with one of them replaced or left out.
func (c *groupCatalog) configure(k groupKey, config *groupConfig) error {
	stored := groupsRecord{Version: "2", Updated: time.Now().UTC(), Entries: []groupConfig{}}
	before, err := c.configured()
	if err != nil {
		return err
	}
	for _, other := range before {
		if other.groupKey != k {
			stored.Entries = append(stored.Entries, other)
		}
	}
	if config != nil {
		stored.Entries = append(stored.Entries, *config)
	}
	data, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	return c.note(groupsStream, content{id: uuid.New(), kind: groupsType, json: true, data: data})
}
