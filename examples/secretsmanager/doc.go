// Package secretsmanager keeps tokens in AWS Secrets Manager. It is the worked
// example of docs/stores.md, which explains it piece by piece.
//
//	store := &secretsmanager.Store{
//		Endpoint: "https://secretsmanager.eu-west-1.amazonaws.com",
//		Prefix:   "myapp/zoho/",
//		Sign:     sign, // AWS signature version 4: see docs/stores.md
//		Client:   &http.Client{Timeout: 10 * time.Second},
//	}
//
// Each token is a secret of its own, named Prefix + "token/" + id. A token's
// version is the id of its secret's version, and the service makes only one
// version of one id: that is the compare-and-swap.
//
// # Limits
//
// Looking up by user name, and saving a new login, read all tokens, one by one,
// and ask for the deleted ones: it suits some hundred logins. Sessions that are
// open read by id, by one request.
//
// A token with all its fields must fit into 65,536 bytes of JSON. The service
// wants no more than one new value of a secret every ten minutes in the long run;
// a login in constant use makes two an hour. A deleted token's secret is kept for
// seven more days.
//
// The service says that it is eventually consistent. What that means for this
// store is in docs/stores.md, and in the test of stale reads.
package secretsmanager
