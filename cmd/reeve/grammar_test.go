package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// verbNames is what every entry of the catalogues is called on the command line.
// A name that scripts use must not change by accident.
const verbNames = `
api-key create                 createApiKey
api-key list                   apiKeys
api-key revoke                 revokeApiKey
api-key rotate                 rotateApiKey
api-tenants get                apiTenants
approval require               requireApprovals
approval require-preview       requireApprovalsPreview
approval-rule list             approvalRules
audit list                     audit
audit logs                     auditLogs
change-request apply           applyChangeRequest
change-request apply-preview   applyChangeRequestPreview
change-request approve         approveChangeRequest
change-request cancel          cancelChangeRequest
change-request edit            editChangeRequest
change-request get             changeRequest
change-request list            changeRequests
change-request open            openChangeRequest
change-request rebase          rebaseChangeRequest
change-request reject          rejectChangeRequest
change-request schedule        scheduleChangeRequest
client disable                 disableClient
client list                    clients
client register                registerClient
client rotate                  rotateClient
data-access list               dataAccess
feature-set assign             assignFeatureSet
feature-set assign-preview     assignFeatureSetPreview
feature-set assignments        featureSetAssignments
feature-set define             defineFeatureSet
feature-set get                featureSet
feature-set list               featureSets
feature-set retire             retireFeatureSet
feature-set unassign           unassignFeatureSet
feature-set unassign-preview   unassignFeatureSetPreview
feature-set update             updateFeatureSet
flag activate                  activateFlag
flag activate-preview          activateFlagPreview
flag archive                   archiveFlag
flag archive-preview           archiveFlagPreview
flag bisect                    bisectFlag
flag clear-override            clearFlagOverride
flag clear-override-preview    clearFlagOverridePreview
flag define                    defineFlag
flag define-preview            defineFlagPreview
flag deprecate                 deprecateFlag
flag deprecate-preview         deprecateFlagPreview
flag get                       flag
flag kill                      killFlag
flag kill-preview              killFlagPreview
flag list                      flags
flag lock                      lockFlag
flag lock-preview              lockFlagPreview
flag mark-stale                markFlagStale
flag opt-in                    optFlagIn
flag opt-in-preview            optFlagInPreview
flag opt-out                   optFlagOut
flag opt-out-preview           optFlagOutPreview
flag override                  overrideFlag
flag override-preview          overrideFlagPreview
flag overrides                 flagOverrides
flag resolve                   resolveFlag
flag revive                    reviveFlag
flag revive-preview            reviveFlagPreview
flag set-prerequisites         setFlagPrerequisites
flag set-prerequisites-preview setFlagPrerequisitesPreview
flag timeline                  flagTimeline
flag unlock                    unlockFlag
flag unlock-preview            unlockFlagPreview
flag unmark-stale              unmarkFlagStale
flag update                    updateFlag
flag update-preview            updateFlagPreview
flag usage                     flagUsage
integrator activate            activateIntegrator
integrator get                 integrator
integrator list                integrators
integrator offboard            offboardIntegrator
integrator register            registerIntegrator
integrator restart             restartIntegrator
integrator restart-preview     restartIntegratorPreview
integrator stop                stopIntegrator
integrator stop-preview        stopIntegratorPreview
integrator update-profile      updateIntegratorProfile
member list                    members
merchant-org list              merchantOrgs
node access                    nodeAccess
node get                       node
node list                      nodes
node roles                     nodeRoles
override list                  overrides
projection list                projections
quota change                   changeQuota
quota get                      quota
quota list                     quotas
resolved-flag list             resolvedFlags
role define                    defineRole
role grant                     grantRole
role list                      roles
role restrict                  restrictRoles
role retire                    retireRole
role revoke                    revokeRole
rollout advance                advanceRollout
rollout advance-preview        advanceRolloutPreview
rollout pause                  pauseRollout
rollout pause-preview          pauseRolloutPreview
rollout resume                 resumeRollout
rollout resume-preview         resumeRolloutPreview
rollout set                    setRollout
rollout set-preview            setRolloutPreview
security-event list            securityEvents
segment define                 defineSegment
segment define-preview         defineSegmentPreview
segment get                    segment
segment list                   segments
segment retire                 retireSegment
segment retire-preview         retireSegmentPreview
segment update                 updateSegment
segment update-preview         updateSegmentPreview
signing-key list               signingKeys
signing-key retire             retireSigningKey
signing-key rotate             rotateSigningKey
tenant activate                activateTenant
tenant activate-preview        activateTenantPreview
tenant archive                 archiveTenant
tenant archive-preview         archiveTenantPreview
tenant cancel-deletion         cancelTenantDeletion
tenant create                  createTenant
tenant get                     tenant
tenant list                    tenants
tenant reassign                reassignTenant
tenant reassign-preview        reassignTenantPreview
tenant request-deletion        requestTenantDeletion
tenant resume                  resumeTenant
tenant resume-preview          resumeTenantPreview
tenant suspend                 suspendTenant
tenant suspend-preview         suspendTenantPreview
tenant unarchive               unarchiveTenant
tenant update-profile          updateTenantProfile
user activate                  activateUser
user deactivate                deactivateUser
user get                       user
user invite                    inviteUser
user list                      users
user reactivate                reactivateUser
`

func TestVerbNames(t *testing.T) {
	var got []string
	for entry, name := range verbs.Names(catalogues()) {
		got = append(got, name+strings.Repeat(" ", max(1, 31-len(name)))+entry)
	}
	slices.Sort(got)
	if diff := cmp.Diff(strings.Split(strings.Trim(verbNames, "\n"), "\n"), got); diff != "" {
		t.Fatal(diff)
	}
}

// A noun must not hide a verb that is written by hand, nor the other way round.
func TestGrammarNamesEverythingOnce(t *testing.T) {
	parser, err := grammar(t.Context(), quiet(nil))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, child := range parser.Model.Children {
		if seen[child.Name] {
			t.Errorf("there are two called %q", child.Name)
		}
		seen[child.Name] = true
	}
}

func TestAConfigurationFileIsReadStrictly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reeve.yaml")
	t.Setenv("REEVE_CONFIG", file)
	for text, want := range map[string]int{
		"REEVE_DATA_DIR: elsewhere\nREEVE_LOG_LEVEL: info": 0,
		"REEVE_HTP_ADDR: 127.0.0.1:1":                      exitUsage,
		"data-dir: elsewhere":                              exitUsage,
		"- REEVE_DATA_DIR":                                 exitUsage,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := run(t.Context(), quiet(nil), []string{"version"}); code != want {
			t.Errorf("%q: exit %d, want %d", text, code, want)
		}
	}
}

// quiet is a terminal that nobody looks at.
func quiet(out *bytes.Buffer) *terminal {
	if out == nil {
		out = &bytes.Buffer{}
	}
	return &terminal{strings.NewReader(""), out, &bytes.Buffer{}, slog.New(slog.DiscardHandler)}
}

func TestCompletionOfBash(t *testing.T) {
	var script bytes.Buffer
	if code := run(t.Context(), quiet(&script), []string{"completion", "bash"}); code != 0 {
		t.Fatal(code)
	}
	for line, want := range map[string]string{
		"reeve ten":                     "tenant",
		"reeve tenant susp":             "suspend suspend-preview",
		"reeve tenant suspend id --cau": "--cause",
		"reeve log se":                  "serve",
	} {
		words := strings.Split(line, " ")
		ask := script.String() + "\nCOMP_WORDS=(" + line + "); COMP_CWORD=" + string(rune('0'+len(words)-1)) + "; _reeve; echo \"${COMPREPLY[@]}\""
		out, err := exec.Command("bash", "-c", ask).CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
}

func TestUnreadableFilesAreRefusedWithTheirPlaces(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	for path, text := range map[string]string{a: "kind: Ship", b: "kind: Tenant\nname: a\nspec: {colour: red}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var chatter bytes.Buffer
	term := quiet(nil)
	term.err = &chatter
	if code := run(t.Context(), term, []string{"apply", "-f", a, "-f", b}); code != 65 {
		t.Fatal(code)
	}
	for _, want := range []string{a + ":1: kind", b + ":3: spec.colour"} {
		if !strings.Contains(chatter.String(), want) {
			t.Errorf("no %q in %s", want, chatter.String())
		}
	}
	if code := run(t.Context(), term, []string{"apply", "-f", filepath.Join(dir, "none.yaml")}); code != 66 {
		t.Fatal(code)
	}
}
