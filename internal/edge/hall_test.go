package edge

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd is what one party does in a hall: it wants so many places at once, and
// starts anew as soon as one of its places is free.
type crowd struct {
	name  string
	house string // its own if left out
	wants int
}

// work keeps everybody of a crowd coming until stop is closed. Each stays inside
// for one tick.
func (c *crowd) work(h *hall, stop <-chan struct{}, done func(served bool)) {
	for range c.wants {
		go func() {
			for {
				leave, err := h.enter(context.Background(), c.name, cmp.Or(c.house, c.name))
				if err == nil {
					time.Sleep(time.Second)
					leave()
				}
				select {
				case <-stop:
					return
				default:
					done(err == nil)
				}
				if err != nil {
					time.Sleep(time.Second)
				}
			}
		}()
	}
}

// One tenant floods, another asks for little, and gets what it would get alone:
// a share leaves room for it at once, and without one it waits for the next place
// that is free. Two that flood get the same. Time is that of the bubble.
func TestAFloodTakesNothingFromOthers(t *testing.T) {
	for name, c := range map[string]struct {
		room, share, whole int
		crowds             []*crowd
		least              map[string]int // requests in 100 ticks
	}{
		"alone":          {8, 6, 0, []*crowd{{name: "quiet", wants: 2}}, map[string]int{"quiet": 200}},
		"beside a flood": {8, 6, 0, []*crowd{{name: "quiet", wants: 2}, {name: "flood", wants: 500}}, map[string]int{"quiet": 198, "flood": 590}},
		"without shares": {8, 0, 0, []*crowd{{name: "quiet", wants: 2}, {name: "flood", wants: 500}}, map[string]int{"quiet": 150, "flood": 590}},
		"two floods":     {8, 6, 0, []*crowd{{name: "one", wants: 50}, {name: "two", wants: 500}}, map[string]int{"one": 390, "two": 390}},
		"three of them":  {6, 6, 0, []*crowd{{name: "one", wants: 50}, {name: "two", wants: 500}, {name: "quiet", wants: 1}}, map[string]int{"one": 240, "two": 240, "quiet": 75}},
		// the tenants of one integrator are its own crowd, however many they are
		"four of one house":      {8, 2, 6, []*crowd{{"a", "h", 50}, {"b", "h", 50}, {"c", "h", 50}, {"d", "h", 50}, {name: "quiet", wants: 2}}, map[string]int{"quiet": 198, "a": 140, "b": 140, "c": 140, "d": 140}},
		"one house beside one":   {8, 8, 0, []*crowd{{"a", "h", 50}, {"b", "h", 50}, {"c", "h", 50}, {name: "flood", wants: 50}}, map[string]int{"flood": 390, "a": 100, "b": 100, "c": 100}},
		"a house without shares": {8, 0, 6, []*crowd{{"a", "h", 500}, {name: "quiet", wants: 2}}, map[string]int{"quiet": 198, "a": 590}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, stop := newHall(Limits{Running: c.room, Share: c.share, House: c.whole, Patience: 5 * time.Second}), make(chan struct{})
				served := make(chan string, 1<<20)
				for _, one := range c.crowds {
					one.work(h, stop, func(ok bool) {
						if ok {
							served <- one.name
						}
					})
				}
				time.Sleep(100*time.Second + time.Millisecond)
				close(stop)
				synctest.Wait()
				got := map[string]int{}
				for range len(served) {
					got[<-served]++
				}
				for name, least := range c.least {
					if got[name] < least {
						t.Errorf("%s was served %d times, not %d: %v", name, got[name], least, maps.Clone(got))
					}
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(h.parties)+len(h.houses) != 0 || h.inside != 0 || h.waiting != 0 {
					t.Errorf("%d parties, %d inside and %d waiting are left behind", len(h.parties), h.inside, h.waiting)
				}
			})
		})
	}
}

func TestWhoWaitsTooLongIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(Limits{Running: 1, Share: 1, Patience: time.Second})
		leave, err := h.enter(t.Context(), "a", "a")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := h.enter(t.Context(), "b", "b"); !errors.Is(err, ErrOverloaded) || time.Since(began) != time.Second {
			t.Error(err, time.Since(began))
		}
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		if _, err := h.enter(gone, "b", "b"); !errors.Is(err, ErrOverloaded) {
			t.Error(err)
		}
		waiting := make(chan error)
		go func() {
			leave, err := h.enter(t.Context(), "b", "b")
			if err == nil {
				leave()
			}
			waiting <- err
		}()
		synctest.Wait()
		if _, err := h.enter(t.Context(), "b", "b"); !errors.Is(err, ErrOverloaded) {
			t.Error("a queue without end:", err)
		}
		leave()
		if err := <-waiting; err != nil {
			t.Error("not called:", err)
		}
		if len(h.parties)+len(h.houses) != 0 || h.inside != 0 || h.waiting != 0 {
			t.Error(h.parties, h.inside, h.waiting)
		}
	})
}

func TestAHallWithoutWallsAdmitsEverybody(t *testing.T) {
	for range 10 {
		if _, err := newHall(Limits{Patience: time.Second}).enter(t.Context(), "a", "a"); err != nil {
			t.Fatal(err)
		}
	}
}

// Where the only limit is that of a house, its parties wait as they do for other room.
func TestWhoIsOfAFullHouseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(Limits{House: 1, Patience: time.Second})
		leave, err := h.enter(t.Context(), "a", "x")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := h.enter(t.Context(), "b", "x"); !errors.Is(err, ErrOverloaded) || time.Since(began) != time.Second {
			t.Error(err, time.Since(began))
		}
		time.AfterFunc(time.Second/2, leave)
		leave, err = h.enter(t.Context(), "c", "x")
		if err != nil {
			t.Fatal("not called:", err)
		}
		leave()
		if len(h.parties)+len(h.houses) != 0 || h.inside != 0 || h.waiting != 0 {
			t.Error(h.parties, h.houses, h.inside, h.waiting)
		}
	})
}
