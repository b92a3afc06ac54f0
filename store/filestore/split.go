package filestore

import "strings"

// A cell is one column of a line: its value, and how it stands in the file.
type cell struct{ val, seg string }

// splitLine splits a line at commas. A column that begins with a quotation mark
// and is quoted properly is read as RFC 4180 says; any other quotation mark is
// text, because the Node SDK writes it so. open reports that a column opened a
// quotation that does not end on this line.
func splitLine(line string) (cells []cell, open bool) {
	for rest := line; ; {
		c, n, still := nextCell(rest)
		cells = append(cells, c)
		open = open || still
		if n == len(rest) {
			return cells, open
		}
		rest = rest[n+1:]
	}
}

// nextCell returns the first column of s and its length.
func nextCell(s string) (c cell, n int, open bool) {
	if strings.HasPrefix(s, `"`) {
		n, open = quotedLen(s)
		if n > 0 {
			return cell{val: strings.ReplaceAll(s[1:n-1], `""`, `"`), seg: s[:n]}, n, false
		}
	}
	n = strings.IndexByte(s, ',')
	if n < 0 {
		n = len(s)
	}
	return cell{val: s[:n], seg: s[:n]}, n, open
}

// quotedLen returns the length of the quoted column that s begins with. It is
// zero if the quotation ends before something that is not a comma, so that it is
// none, or if it is still open at the end of s.
func quotedLen(s string) (n int, open bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 == len(s) || s[i+1] == ',' {
			return i + 1, false
		}
		if s[i+1] != '"' {
			return 0, false
		}
		i++
	}
	return 0, true
}

// joinCells makes one column of several that unquoted commas tore apart.
func joinCells(cells []cell) cell {
	var val, seg []string
	for _, c := range cells {
		val, seg = append(val, c.val), append(seg, c.seg)
	}
	return cell{val: strings.Join(val, ","), seg: strings.Join(seg, ",")}
}
