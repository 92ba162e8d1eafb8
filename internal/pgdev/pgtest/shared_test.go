package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

func TestSharedGivesEachCallerADatabaseOfItsOwn(t *testing.T) {
	one, two := Shared(t), Shared(t)
	if one == two {
		t.Fatalf("both got %s", one)
	}
	if err := exec(t.Context(), one, "create table t ()"); err != nil {
		t.Fatal(err)
	}
	if err := exec(t.Context(), two, "create table t ()"); err != nil {
		t.Fatal(err)
	}
}

func TestSharedDropsTheDatabaseAfterwards(t *testing.T) {
	var url string
	t.Run("inner", func(t *testing.T) { url = Shared(t) })
	if conn, err := pgx.Connect(context.Background(), url); err == nil {
		conn.Close(context.Background())
		t.Fatal("the database of an ended test still answers")
	}
}
