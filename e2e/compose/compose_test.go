package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"longtail/e2e/stack"
)

func TestEveryImageHasAStandin(t *testing.T) {
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := recipes()
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`\$\{[A-Z]+_IMAGE:-([^}]+)\}`)
	var standins []string
	for _, name := range image.FindAllStringSubmatch(string(text), -1) {
		standins = append(standins, name[1])
		if _, err := os.Stat(filepath.Join(dir, recipe(name[1]))); err != nil {
			t.Errorf("%s: %v", name[1], err)
		}
	}
	if len(standins) != 6 {
		t.Errorf("images from elsewhere = %v; want those of Go and of five services", standins)
	}
}

func TestRecipeIsNamedAsTheImage(t *testing.T) {
	for image, want := range map[string]string{
		"redis:7":                               "redis.Dockerfile",
		"rabbitmq:4-management":                 "rabbitmq.Dockerfile",
		"registry.example:5000/library/mysql:8": "mysql.Dockerfile",
		"golang":                                "golang.Dockerfile",
	} {
		if got := recipe(image); got != want {
			t.Errorf("recipe(%q) = %q; want %q", image, got, want)
		}
	}
}

func TestImagesAreThoseThatAreNotBuilt(t *testing.T) {
	got, err := images([]byte(`{"services":{
		"redis":{"image":"redis:7"},
		"worker":{"image":"longtail-worker:dev","build":{"args":{"GO_IMAGE":"golang:1"}}},
		"redirector":{"image":"longtail-redirector:dev","build":{"args":{"GO_IMAGE":"golang:1"}}}}}`))
	if want := []string{"golang:1", "redis:7"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("images = %v, %v; want %v", got, err, want)
	}
}

const inspected = `[
	{"Id":"b","State":{"Status":"running","StartedAt":"2026-01-02T00:00:02Z","Health":{"Status":"healthy"}},
	 "Config":{"Labels":{"com.docker.compose.service":"worker"}},"NetworkSettings":{"Networks":{"x":{"IPAddress":"10.0.0.2"}}}},
	{"Id":"a","State":{"Status":"running","StartedAt":"2026-01-02T00:00:01Z","Health":{"Status":"starting"}},
	 "Config":{"Labels":{"com.docker.compose.service":"worker"}},"NetworkSettings":{"Networks":{}}},
	{"Id":"m","State":{"Status":"exited","ExitCode":0,"StartedAt":"2026-01-02T00:00:00Z"},
	 "Config":{"Labels":{"com.docker.compose.service":"migrate"}},"NetworkSettings":{"Networks":{}}}]`

func TestContainersAreReadTheOldestFirst(t *testing.T) {
	all, err := containers([]byte(inspected))
	if err != nil || len(all) != 3 || all[0].Service != "migrate" || all[1].ID != "a" || all[2].Address != "10.0.0.2" || all[2].Health != "healthy" {
		t.Fatalf("containers = %+v, %v", all, err)
	}
}

func TestUnwellNamesWhatIsNotHealthy(t *testing.T) {
	all, err := containers([]byte(inspected))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := unwell(all, map[string]int{"migrate": 0, "worker": 2}); len(wrong) != 2 {
		t.Errorf("unwell = %q; want the worker that starts, and that 1 of 2 are well", wrong)
	}
	all[1].Health = "healthy"
	if wrong := unwell(all, map[string]int{"migrate": 0, "worker": 2}); len(wrong) != 0 {
		t.Errorf("unwell = %q; want nothing", wrong)
	}
	if wrong := unwell(all, map[string]int{"migrate": 0, "worker": 2, "redis": 1}); len(wrong) != 1 {
		t.Errorf("unwell = %q; want redis", wrong)
	}
	all[0].ExitCode = 1
	if wrong := unwell(all, map[string]int{"migrate": 0, "worker": 2}); len(wrong) != 2 {
		t.Errorf("unwell = %q; want migrate, which failed", wrong)
	}
}

func TestReadEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte("# secrets\nA=1\n#B=2\nC=a=b\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readEnv(path)
	if err != nil || len(got) != 2 || got["A"] != "1" || got["C"] != "a=b" {
		t.Fatalf("readEnv = %v, %v", got, err)
	}
}
