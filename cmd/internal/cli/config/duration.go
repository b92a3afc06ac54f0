package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration that may begin with a number of days: "30d",
// "1d12h", "90m". It is not negative.
func ParseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration; write it like 30d, 12h or 90m", s)
	var days time.Duration
	rest := s
	if n, after, ok := strings.Cut(s, "d"); ok {
		d, err := strconv.Atoi(n)
		if err != nil || d < 0 || d > maxDays {
			return 0, wrong
		}
		days, rest = time.Duration(d)*24*time.Hour, after
	}
	if rest == "" && days > 0 || rest == "" && s == "0d" {
		return days, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > maxDays*24*time.Hour {
		return 0, wrong
	}
	return days + d, nil
}

// maxDays keeps a sum of durations from running over.
const maxDays = 36500
