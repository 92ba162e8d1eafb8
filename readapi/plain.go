package readapi

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/reeve-platform/reeve/domain"
)

var (
	// ErrSlow: the database did not answer in the time a read may take.
	ErrSlow = &domain.Error{Kind: domain.Unavailable, Code: "read-timeout", Detail: "the read models did not answer in time"}
	// ErrNoTable: the tables are not there; somebody is rebuilding or has dropped them.
	ErrNoTable = &domain.Error{Kind: domain.Unavailable, Code: "read-model-missing", Detail: "the read models are being built"}
	// ErrNoDatabase: the database cannot be reached.
	ErrNoDatabase = &domain.Error{Kind: domain.Unavailable, Code: "read-model-unavailable", Detail: "the read models cannot be reached"}
)

// badText is the SQLSTATE of U+0000 and of what is not UTF-8.
const badText = "22021"

// More SQLSTATEs, PostgreSQL documentation appendix A.
var (
	timeouts = []string{"57014", "25P03"}                            // statement or idle timeout
	absences = []string{"42P01", "3F000", "42703", "0A000", "42501"} // table, schema, column, changed shape, grant
	outages  = []string{"57P01", "57P02", "57P03", "53300"}          // shutting down, starting, full
)

// plain says in our words what went wrong with the database; everything it does
// not recognise is our own mistake and stays as it is.
func plain(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &pg) && slices.Contains(timeouts, pg.Code):
		return ErrSlow.Because(err)
	case errors.As(err, &pg) && slices.Contains(absences, pg.Code):
		return ErrNoTable.Because(err)
	case errors.As(err, &pg) && slices.Contains(outages, pg.Code):
		return ErrNoDatabase.Because(err)
	case errors.As(err, &pg) && pg.Code == badText:
		return domain.ErrText.With("the text holds characters that nothing here can hold").Because(err)
	case errors.As(err, &connect), pgconn.SafeToRetry(err), lost(err):
		return ErrNoDatabase.Because(err)
	case errors.Is(err, context.DeadlineExceeded):
		return ErrSlow.Because(err)
	}
	return err
}

// lost reports that the connection broke while it was in use. The pool looks at
// connections that have been idle for a while before it gives them away; one that was
// in use a moment ago may be dead all the same.
func lost(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
