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
		c, n, unclosed := nextCell(rest)
		cells = append(cells, c)
		open = open || unclosed
		if n == len(rest) {
			return cells, open
		}
		rest = rest[n+1:]
	}
}

// nextCell returns the first column of s and its length.
func nextCell(s string) (c cell, n int, unclosed bool) {
	if strings.HasPrefix(s, `"`) {
		if n, ok := quotedLen(s); ok {
			return cell{val: strings.ReplaceAll(s[1:n-1], `""`, `"`), seg: s[:n]}, n, false
		}
		unclosed = strings.Count(s, `"`)%2 == 1
	}
	n = strings.IndexByte(s, ',')
	if n < 0 {
		n = len(s)
	}
	return cell{val: s[:n], seg: s[:n]}, n, unclosed
}

// quotedLen returns the length of the quoted column that s begins with. It is
// not ok if the quotation does not end, or ends before something that is not a
// comma.
func quotedLen(s string) (n int, ok bool) {
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 == len(s) || s[i+1] == ',' {
			return i + 1, true
		}
		if s[i+1] != '"' {
			return 0, false
		}
		i++
	}
	return 0, false
}

// joinCells makes one column of several that unquoted commas tore apart.
func joinCells(cells []cell) cell {
	var val, seg []string
	for _, c := range cells {
		val, seg = append(val, c.val), append(seg, c.seg)
	}
	return cell{val: strings.Join(val, ","), seg: strings.Join(seg, ",")}
}
