package filestore

import "strings"

// widthV1 is the number of columns of the first generation: user_mail,
// client_id, refresh_token, access_token, grant_token, expiry_time.
const widthV1 = 6

var columnsV1 = [widthV1]int{colUserName, colClientID, colRefreshToken, colAccessToken, colGrantToken, colExpiry}

// knownWidth reports whether a header may have n columns: six in the first
// generation, nine before api_domain, ten since, or more some day.
func knownWidth(n int) bool { return n == widthV1 || n >= columns-1 }

func blank(cells []cell) bool {
	for _, c := range cells {
		if strings.TrimSpace(c.val) != "" {
			return false
		}
	}
	return true
}

// isHeader reports whether a line is a header: it begins with "id", or with the
// user column of the first generation, and all columns are words. The names
// after the first differ between the SDKs.
func isHeader(cells []cell) bool {
	first := strings.ToLower(strings.TrimSpace(cells[0].val))
	if len(cells) < 2 || first != "id" && first != "user_mail" && first != "user_name" {
		return false
	}
	for _, c := range cells {
		if !isWord(strings.TrimSpace(c.val)) {
			return false
		}
	}
	return true
}

func isWord(s string) bool {
	for _, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s != ""
}

func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return s != ""
}

// plausible reports whether a line without a header before it is a row: an id
// that is a number, an expiry that is one, and a token.
func plausible(cells []cell) bool {
	p := &parser{file: newFile(), width: columns}
	if len(cells) == widthV1 {
		p.width = widthV1
	}
	r := p.layout(cells)
	if r == nil {
		return false
	}
	for _, col := range []int{colID, colExpiry} {
		if v := r.val[col]; v != "" && !isNumber(v) {
			return false
		}
	}
	return r.hasToken()
}

// layout assigns the columns of a line to those of a row. It returns nil for a
// line that is no row: one of the first generation has six columns and a token,
// a later one nine or more.
func (p *parser) layout(cells []cell) *row {
	switch {
	case len(cells) >= columns-1:
		return p.layoutWide(cells)
	case len(cells) == widthV1 && p.width == widthV1:
		r := &row{}
		for i, c := range cells {
			r.set(columnsV1[i], c)
		}
		if r.hasToken() {
			return r
		}
	}
	return nil
}

func (p *parser) layoutWide(cells []cell) *row {
	r := &row{}
	width := p.rowWidth(cells)
	if len(cells) > width {
		cells = rejoin(cells, width)
	}
	for i, c := range cells {
		if i < columns {
			r.set(i, c)
		} else {
			r.tail += "," + c.seg
		}
	}
	if missing := p.file.width - max(len(cells), columns); missing > 0 {
		r.tail += strings.Repeat(",", missing)
	}
	if strings.TrimSpace(strings.Join(r.val[:], "")) == "" {
		return nil
	}
	return r
}

func (r *row) set(col int, c cell) { r.val[col], r.seg[col] = c.val, c.seg }

// rowWidth returns how many columns a line should have. Under a header of nine
// columns, a line of ten is one of a newer SDK if it ends in an API domain, or in
// nothing; else a comma tore its redirect URL.
func (p *parser) rowWidth(cells []cell) int {
	if p.width != columns-1 {
		return max(p.width, columns)
	}
	last := cells[len(cells)-1].val
	if last == "" || strings.HasPrefix(last, "http://") || strings.HasPrefix(last, "https://") {
		return columns
	}
	return columns - 1
}

// rejoin repairs a row that was written with a comma and without quotes, as the
// Node SDK does: it puts the comma back into the redirect URL, or into the user
// name if that brings the expiry to its place.
func rejoin(cells []cell, width int) []cell {
	extra := len(cells) - width
	at := colRedirectURL
	if !isNumber(cells[colExpiry].val) && isNumber(cells[colExpiry+extra].val) {
		at = colUserName
	}
	joined := append([]cell{}, cells[:at]...)
	joined = append(joined, joinCells(cells[at:at+extra+1]))
	return append(joined, cells[at+extra+1:]...)
}
