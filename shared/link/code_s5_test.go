package link

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestS5Codes: generated codes cannot be told from noise: every position is even, none comes twice, and none tells when it
// was made. FAULT_SCALE=full makes ten million.
func TestS5Codes(t *testing.T) {
	n := 200_000
	if os.Getenv("FAULT_SCALE") == "full" {
		n = 10_000_000
	}
	key := CodeKey{5}
	wrong := 0
	least, again := 1.0, 0
	var same int
	var order float64
	// A thousandth of all good generators would fail a thousandth: what fails once is asked again.
	for try := range 2 {
		var counts [GeneratedLen][32]int
		numbers := make([]uint64, n)
		for i := range numbers {
			code := key.New()
			for at := range GeneratedLen {
				digit := strings.IndexByte(Alphabet, code[at])
				counts[at][digit]++
				if at < randomLen {
					numbers[i] = numbers[i]<<5 | uint64(digit)
				}
			}
		}
		least = 1
		for at := range counts {
			least = min(least, evenness(counts[at][:], n))
		}
		order = correlation(numbers)
		slices.Sort(numbers)
		same = n - len(slices.Compact(numbers))
		if again = try; least > 0.01/GeneratedLen && math.Abs(order) < 4.5/math.Sqrt(float64(n)) && same <= 1 {
			break
		}
		if try == 1 {
			wrong++
		}
	}
	// 1e9 live links among 2^60 texts of the shape; all but one in 1024 guesses die without a lookup.
	t.Logf("row: S5 struck=%d lost=%d what=%q", n, wrong, fmt.Sprintf("codes generated: the least even position has p = %.3f, %d alike, correlation with their order %.6f, drawn again %d times; a guess hits one of 1e9 links with %.1e",
		least, same, order, again, 1e9/math.Pow(2, 60)))
	if wrong != 0 {
		t.Errorf("p %g, %d codes came twice, correlation %g", least, same, order)
	}
}

// evenness is the p of a chi-square test that all counts of n are alike, by Wilson and Hilferty's approximation.
func evenness(counts []int, n int) float64 {
	want, sum := float64(n)/float64(len(counts)), 0.0
	for _, c := range counts {
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	free := float64(len(counts) - 1)
	z := (math.Cbrt(sum/free) - (1 - 2/(9*free))) / math.Sqrt(2/(9*free))
	return math.Erfc(z/math.Sqrt2) / 2
}

// correlation is Pearson's between the numbers and their order.
func correlation(numbers []uint64) float64 {
	n := float64(len(numbers))
	var meanY float64
	for _, y := range numbers {
		meanY += float64(y) / n
	}
	meanX := (n - 1) / 2
	var xy, xx, yy float64
	for i, y := range numbers {
		dx, dy := float64(i)-meanX, float64(y)-meanY
		xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
	}
	return xy / math.Sqrt(xx*yy)
}
