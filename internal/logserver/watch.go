package logserver

import (
	"time"

	"github.com/reeve-platform/reeve/internal/renewal"
)

// watchFiles reads users and certificate again when their files change, until
// the server leaves.
func (s *Server) watchFiles(users *renewal.File) {
	tick := time.NewTicker(renewal.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.leaving:
			return
		}
		if users != nil && users.Changed() {
			s.gate.verifier.reread(s.journal.logger)
		}
		if s.certificate != nil {
			s.certificate.Renew(s.journal.logger)
		}
	}
}
