package flag

import (
	"sync"
	"testing"
	"unsafe"
)

// What has a number stays where it is, however many come after it and whoever looks.
func TestASeriesGrows(t *testing.T) {
	const things = 10*ofBlock + 3
	var s series[uint32]
	known, told := make([]*uint32, things+1), make(chan uint32, things)
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for number := range told {
				if got := *s.at(number); got != number*number {
					t.Errorf("number %d is %d", number, got)
				}
			}
		})
	}
	for number := uint32(1); number <= things; number++ {
		known[number] = s.next()
		if s.count != number {
			t.Fatalf("the next after %d is %d", number-1, s.count)
		}
		*known[number] = number * number
		told <- number
	}
	close(told)
	readers.Wait()
	for number := uint32(1); number <= things; number++ {
		if s.at(number) != known[number] || *known[number] != number*number {
			t.Errorf("number %d is elsewhere", number)
		}
	}
}

func TestASeriesDoesNotBeginAgain(t *testing.T) {
	s := series[byte]{count: mostThings}
	defer func() {
		if recover() == nil {
			t.Errorf("there is one more, with the number %d", s.count)
		}
	}()
	s.next()
}

// There are hundreds of thousands of these, and a block that takes more than 512 bytes
// takes more than its things.
func TestWhatThereIsMostOfIsSmall(t *testing.T) {
	for name, c := range map[string]struct{ size, most uintptr }{
		"mark": {unsafe.Sizeof(mark{}), 12}, "versions": {unsafe.Sizeof(versions{}), 32}, "link": {unsafe.Sizeof(link{}), 24},
		"spot": {unsafe.Sizeof(spot{}), 512 / ofBlock}, "naming": {unsafe.Sizeof(naming{}), 512 / ofBlock},
	} {
		if c.size > c.most {
			t.Errorf("a %s takes %d bytes, not %d", name, c.size, c.most)
		}
	}
}
