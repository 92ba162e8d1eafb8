package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/reeve-platform/reeve/domain"
)

// What cannot be swept must not keep the rest lying about.
func TestOneThatFailsHoldsUpNoOther(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err  error
		want []int
	}{
		"fails by itself": {broken, []int{1, 2, 3}},
		"nothing answers": {domain.ErrLogUnavailable, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var done []int
			err := each([]int{1, 2, 3}, func(i int) error {
				if done = append(done, i); i == 2 {
					return c.err
				}
				return nil
			})
			if !errors.Is(err, c.err) || !slices.Equal(done, c.want) {
				t.Errorf("%v, %v", done, err)
			}
		})
	}
}
