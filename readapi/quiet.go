package readapi

import "context"

func (s *Source) ReadQuietly(ctx context.Context, v View, ask func(context.Context, DB) error) (uint64, error) {
	within := confine(v.Scope)
	conn, err := s.pools[within.role].Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer release(conn)
	view := &snapshot{View: v, conn: conn.Conn(), confined: within}
	return 0, ask(ctx, view)
}
