package logserver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// A group on $all that writes its accounts must come to rest: neither does it
// see them, nor does it write again because others wrote.
func TestGroupsOfAllComeToRest(t *testing.T) {
	w := start(t, t.TempDir())
	for n := range 12 {
		o := esdb.PersistentAllSubscriptionOptions{StartFrom: esdb.Start{}, Settings: brisk(nil)}
		if err := w.client.CreatePersistentSubscriptionToAll(w.ctx, fmt.Sprint("g", n), o); err != nil {
			t.Fatal(err)
		}
	}
	w.groupOfAll(esdb.PersistentAllSubscriptionOptions{StartFrom: esdb.End{}})
	sub := w.consume("$all", 100)
	w.wantSame("its own beginning", []string{"$persistentSubscriptionConfig/12 try 0"}, w.takes(sub, 1, acking(sub)))
	w.append("s", esdb.Any{}, events(0, 3)...)
	w.wantSame("", []string{"s/0 try 0", "s/1 try 0", "s/2 try 0"}, w.takes(sub, 3, nacking(sub, esdb.NackActionPark)))
	w.untilParked("$all", 3)
	if err := w.client.ReplayParkedMessagesToAll(w.ctx, groupName, esdb.ReplayParkedMessagesOptions{}); err != nil {
		t.Fatal(err)
	}
	w.takes(sub, 3, acking(sub))
	w.until("nothing outstanding", func() bool { return w.info("$all").Stats.OutstandingMessagesCount == 0 })
	w.append("end", esdb.Any{}, event(3))
	w.wantSame("nothing between", []string{"end/0 try 0"}, w.takes(sub, 1, acking(sub)))
	var before uint64
	quiet := 0
	w.until("rest", func() bool { // a few ticks without a write
		time.Sleep(100 * time.Millisecond)
		if head := w.server.Head(); head != before {
			before, quiet = head, 0
		}
		quiet++
		return quiet > 8
	})
}
