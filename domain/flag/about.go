package flag

// Events of a definition say which flag they are about, so that a ladder can
// fold the flags beside the overrides.
func (e Defined) flag() Key    { return e.Flag }
func (e Updated) flag() Key    { return e.Flag }
func (e Activated) flag() Key  { return e.Flag }
func (e Deprecated) flag() Key { return e.Flag }
func (e Killed) flag() Key     { return e.Flag }
func (e Revived) flag() Key    { return e.Flag }
func (e Archived) flag() Key   { return e.Flag }
func (e Restored) flag() Key   { return e.Flag }
