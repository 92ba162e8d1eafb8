package logserver

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// keepEvery is how far the durable mark and the disk watch may lag.
const keepEvery = 100 * time.Millisecond

// DefaultDiskReserve is the free space below which appends are refused, so that
// reading, compaction and a clean stop still work.
const DefaultDiskReserve = 64 << 20

// A journal is the log without any protocol: an ordered store, its sequencer,
// its mark, and the bell.
type journal struct {
	*store
	dir        string
	files      vfs.FS
	reserve    uint64
	mark       *mark
	bell       *bell
	fault      *fault
	count      *counters
	sequence   *sequencer
	stop       chan struct{}
	keepers    sync.WaitGroup
	readers    sync.WaitGroup // those that may outlive their call
	life       context.Context
	end        context.CancelFunc
	compacting chan struct{} // holds one while a compaction is under way
	logger     *slog.Logger
}

// openJournal locks, opens and verifies a directory.
func openJournal(files vfs.FS, o Options) (*journal, error) {
	dir, logger := o.Dir, o.Logger
	lock, err := lockStore(files, dir)
	if err != nil {
		return nil, err
	}
	m, err := openMark(files, dir)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	f := newFault()
	var s *store
	var r recovered
	if err := f.outlive(func() (err error) {
		s, r, err = openRecovered(m, dir, foundation{lock: lock, files: files, mustExist: m.position > 0, logger: engineLogger{logger, f}})
		return err
	}); err != nil {
		return nil, errors.Join(err, m.close())
	}
	logger.Info("log opened", "dir", dir, "id", m.id, "head", r.head, "mark", m.position)
	return startJournal(&journal{store: s, dir: dir, files: files, reserve: o.DiskReserve, mark: m, fault: f, logger: logger}, r), nil
}

// openRecovered opens the store of a mark. When it fails, the lock is given back.
func openRecovered(m *mark, dir string, f foundation) (*store, recovered, error) {
	s, err := openStore(storePath(dir), f)
	if err != nil {
		return nil, recovered{}, errors.Join(err, f.lock.Close())
	}
	r, err := s.recover(m)
	if err != nil {
		return nil, recovered{}, errors.Join(err, s.close())
	}
	return s, r, nil
}

func startJournal(j *journal, r recovered) *journal {
	j.bell, j.count, j.stop, j.compacting = newBell(), &counters{}, make(chan struct{}), make(chan struct{}, 1)
	j.life, j.end = context.WithCancel(context.Background())
	j.fault.opened.Store(true)
	j.count.opened(r.head, j.mark.position)
	j.watchDisk()
	if planted("position-reused") {
		r.head -= min(r.head, 1)
	}
	j.sequence = &sequencer{
		store: j.store, recent: r.recent, states: newStates(), bell: j.bell,
		fault: j.fault, count: j.count, full: j.count.spent,
		queue: make(chan *write, queueLength), unsynced: make(chan *group, groupsUnsynced), news: make(chan struct{}, 1),
		position: r.head, created: r.created, drained: make(chan struct{}),
	}
	go j.sequence.run()
	go j.sequence.settle()
	j.keepers.Go(j.keep)
	j.keepers.Go(func() { j.scrub(r.head) })
	return j
}

// keep moves the mark and watches the disk.
func (j *journal) keep() {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.watchDisk()
			if err := j.moveMark(); err != nil {
				j.fault.trip(err)
				return
			}
		case <-j.stop:
			return
		}
	}
}

func (j *journal) moveMark() error {
	head := j.head.Load()
	if head == j.mark.position {
		return nil
	}
	if planted("mark-ahead") {
		head += 1000
	}
	point("before-mark")
	defer point("after-mark")
	if err := j.mark.write(head); err != nil {
		return err
	}
	j.count.marked.Store(head)
	return nil
}

func (j *journal) watchDisk() {
	usage, err := j.files.GetDiskUsage(j.dir)
	if err != nil {
		usage.AvailBytes = math.MaxUint64 // who cannot look must not refuse
	}
	full := usage.AvailBytes < j.reserve
	j.count.looked(usage.AvailBytes, j.reserve)
	if j.count.full.Swap(full) != full {
		j.logger.Warn("disk space", "full", full, "available", usage.AvailBytes, "reserve", j.reserve)
	}
}

// scrub verifies, beside the running server, what was too old for the open.
func (j *journal) scrub(head uint64) {
	for from := uint64(1); from+scanAtOpen <= head; from += pageEvents {
		select {
		case <-j.stop:
			return
		default:
		}
		if err := j.verify(from, min(from+pageEvents-1, head-scanAtOpen), func(decoded) {}); err != nil {
			j.fault.trip(err)
			return
		}
	}
}

// close ends a journal to which nobody writes and from which nobody reads any
// more. After a fault the engine is left alone: the process is about to end,
// and a stuck engine must not keep it from doing so.
func (j *journal) close() error {
	j.readers.Wait()
	j.end()
	select {
	case j.compacting <- struct{}{}: // for good: none begins any more
	case <-j.fault.lost:
	}
	close(j.stop)
	close(j.sequence.queue)
	select {
	case <-j.sequence.drained:
	case <-j.fault.tripped:
	}
	j.keepers.Wait()
	if err := j.fault.err(); err != nil {
		return errors.Join(err, j.mark.close())
	}
	return errors.Join(j.moveMark(), j.mark.close(), j.fault.outlive(j.store.close))
}
