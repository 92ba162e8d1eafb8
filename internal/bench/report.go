package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// table lays results out for people: minimum, median and maximum of each.
func table(all []result) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BENCHMARK\tCONTENDER\tMIN\tMEDIAN\tMAX\tUNIT\tSERVER CPU us\tREEVE / IT\tTARGET")
	for _, r := range all {
		fmt.Fprintln(w, strings.Join([]string{
			r.Contest, r.Contender, rounded(slices.Min(r.Rates)), rounded(median(r.Rates)), rounded(slices.Max(r.Rates)), r.Unit,
			spent(r.CPU), spread(r.Ratios), r.verdict(),
		}, "\t"))
	}
	_ = w.Flush() // into memory
	for _, r := range all {
		for _, n := range r.Notes {
			fmt.Fprintf(&text, "%s: %s: %s\n", r.Contest, r.Contender, n)
		}
	}
	return text.String()
}

// rounded leaves as many digits as mean something.
func rounded(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(rate, 'f', 2, 64)
	}
	return strconv.FormatFloat(rate, 'f', 0, 64)
}

func spent(cpu []float64) string {
	if len(cpu) == 0 {
		return ""
	}
	return strconv.FormatFloat(median(cpu), 'f', 1, 64)
}

func spread(ratios []float64) string {
	if len(ratios) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f / %.2f / %.2f", slices.Min(ratios), median(ratios), slices.Max(ratios))
}

func (r result) verdict() string {
	var asked string
	switch {
	case r.Target > 0:
		asked = fmt.Sprintf(">= %g", r.Target)
	case r.Most > 0:
		asked = fmt.Sprintf("<= %g", r.Most)
	default:
		return ""
	}
	if r.met() {
		return asked + " met"
	}
	return asked + " MISSED"
}

// write puts results into a file, if one is named.
func write(path string, all []result) error {
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
