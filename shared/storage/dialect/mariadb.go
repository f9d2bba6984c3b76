package dialect

// NewMariaDB returns the dialect of MariaDB 10.6 and newer, to which MySQL's row alias is a syntax error.
func NewMariaDB() *Dialect {
	d := mysqlFamily()
	d.Name = MariaDB
	d.rowAlias, d.newRow = "", "VALUES($1)"
	d.Returning = true
	return d
}
