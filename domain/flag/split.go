package flag

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Whole is all of a split: weights are in thousandths of a percent.
const Whole = 100_000

// A Split gives shares of all subjects different values. What somebody gets
// depends on the flag, the salt and the subject only, and stays: as long as the
// first share grows and nothing comes before it, nobody leaves it.
type Split struct {
	By     string     `json:"by,omitempty" maxLength:"128" doc:"What a subject is told by: key, tenant for a tenant to stay whole, or an attribute; key if left out."`
	Salt   string     `json:"salt,omitempty" maxLength:"128" doc:"Another salt deals the subjects out anew."`
	Shares []Share    `json:"shares" minItems:"1" maxItems:"50" doc:"Who gets what, one after the other; those left over hear what is said otherwise."`
	Steps  []Step     `json:"steps,omitempty" maxItems:"100" doc:"Other weights from an instant on, in order."`
	Paused *time.Time `json:"paused,omitempty" doc:"Since when the steps do not go on."`
}

// A Share is what a part of all subjects gets.
type Share struct {
	Serving
	Weight uint32 `json:"weight" maximum:"100000" doc:"How many, in thousandths of a percent."`
}

// A Step gives the shares other weights from an instant on.
type Step struct {
	At      time.Time `json:"at" doc:"From when on."`
	Weights []uint32  `json:"weights" maxItems:"50" doc:"One for each share, in thousandths of a percent."`
}

// ErrSplit: the shares of a split do not fit, or its steps do not follow each other.
var ErrSplit = &domain.Error{Kind: domain.Invalid, Code: "invalid-split", Detail: "shares take 100,000 thousandths of a percent together at most, and each step has one weight for each of them and comes after the one before"}

// split checks a split and makes the names of variants in it their values.
func (d Definition) split(given *Split, place string) (*Split, error) {
	if given == nil {
		return nil, nil
	}
	s := *given
	if s.By == "" {
		s.By = "key"
	}
	if len(s.Shares) == 0 {
		return nil, ErrSplit.At(place+"/shares", "needs at least one share")
	}
	s.Shares = slices.Clone(s.Shares)
	weights := make([]uint32, len(s.Shares))
	for i, share := range s.Shares {
		served, err := d.give(share.Serving, fmt.Sprintf("%s/shares/%d", place, i))
		if err != nil {
			return nil, err
		}
		s.Shares[i].Serving, weights[i] = served, share.Weight
	}
	if overfull(weights) {
		return nil, ErrSplit.At(place+"/shares", "take more than 100,000 together")
	}
	return &s, s.checkSteps(place)
}

func (s *Split) checkSteps(place string) error {
	var last time.Time
	for i, step := range s.Steps {
		at := fmt.Sprintf("%s/steps/%d", place, i)
		switch {
		case len(step.Weights) != len(s.Shares):
			return ErrSplit.At(at+"/weights", "must be one for each share")
		case overfull(step.Weights):
			return ErrSplit.At(at+"/weights", "are more than 100,000 together")
		case !step.At.After(last):
			return ErrSplit.At(at+"/at", "must come after the step before")
		}
		last = step.At
	}
	return nil
}

func overfull(weights []uint32) bool {
	var sum uint64
	for _, w := range weights {
		sum += uint64(w)
	}
	return sum > Whole
}

// values are everything that the split gives to anybody, found at a place.
func (s *Split) values(place string) (all []spoken) {
	if s == nil {
		return nil
	}
	for i, share := range s.Shares {
		all = append(all, spoken{fmt.Sprintf("%s/shares/%d/value", place, i), share.Value})
	}
	return all
}

// weight is that of a share at an instant.
func (s *Split) weight(share int, at time.Time) uint32 {
	if s.Paused != nil && at.After(*s.Paused) {
		at = *s.Paused
	}
	weight := s.Shares[share].Weight
	for i := range s.Steps {
		if step := &s.Steps[i]; at.Before(step.At) {
			break
		} else if share < len(step.Weights) {
			weight = step.Weights[share]
		}
	}
	return weight
}

// breaks are the instants at which the weights change.
func (s *Split) breaks() (all []time.Time) {
	if s == nil {
		return nil
	}
	for _, step := range s.Steps {
		if s.Paused == nil || !step.At.After(*s.Paused) {
			all = append(all, step.At)
		}
	}
	return all
}

// nobody is the bucket of whoever has none.
const nobody = -1

// serve finds what somebody gets: the bucket, nobody if the context has no
// subject, and the share, nil if that bucket is left over.
func (s *Split) serve(k Key, in *Input) (bucket int, share *Share) {
	subject, there := in.Context.attribute(cmp.Or(s.By, "key"))
	if !there {
		return nobody, nil
	}
	bucket, ok := bucketOf(k, s.Salt, subject)
	if !ok {
		return nobody, nil
	}
	sum := uint64(0)
	for i := range s.Shares {
		if sum += uint64(s.weight(i, in.At)); uint64(bucket) < sum {
			return bucket, &s.Shares[i]
		}
	}
	return bucket, nil
}
