-- A database as version 1 of the schema had it, with two rows.

PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "oauthtoken" (id varchar(10) NOT NULL, user_name varchar(255), client_id varchar(255),
			client_secret varchar(255), refresh_token varchar(255), access_token varchar(255), grant_token varchar(255),
			expiry_time varchar(20), redirect_url varchar(255), api_domain varchar(255), version bigint NOT NULL DEFAULT 1, accounts_server text, data_centre text, scopes text, state text, claim text, mints text, created_at bigint, updated_at bigint, used_at bigint, primary key (id));
INSERT INTO oauthtoken VALUES('1000000000','a@example.com:60001','1000.CLIENT','secret.a','1000.refresh.0123456789abcdef0123456789abcdef.a','1000.access.0123456789abcdef0123456789abcdef.a','1000.grant.a','1795459190603','https://app.example/cb','https://www.zohoapis.eu',2,'https://accounts.zoho.eu','eu','ZohoCRM.modules.ALL
ZohoCRM.users.READ','throttled 1795459190001 1795459190002 3 ten in ten minutes','1795459190003 host:1:AAAA:BB','1795459190004,1795459190005',NULL,1795738653590,1795459190006);
INSERT INTO oauthtoken VALUES('1000000001',NULL,NULL,NULL,NULL,'1000.lonely',NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,1795738653596,1795738653596,NULL);
CREATE TABLE IF NOT EXISTS "oauthtoken_meta" (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL);
INSERT INTO oauthtoken_meta VALUES('last_id',1000000001);
INSERT INTO oauthtoken_meta VALUES('schema',1);
CREATE INDEX "oauthtoken_user_name" ON "oauthtoken" (user_name) WHERE user_name IS NOT NULL;
CREATE INDEX "oauthtoken_access_token" ON "oauthtoken" (access_token) WHERE access_token IS NOT NULL;
CREATE INDEX "oauthtoken_grant_token" ON "oauthtoken" (grant_token) WHERE grant_token IS NOT NULL;
CREATE INDEX "oauthtoken_refresh_token" ON "oauthtoken" (refresh_token) WHERE refresh_token IS NOT NULL;
CREATE TRIGGER "oauthtoken_foreign_insert" AFTER INSERT ON "oauthtoken" FOR EACH ROW
		WHEN length(NEW.id) = 10 AND CAST(NEW.id AS INTEGER) <= 2147483647
			AND CAST(NEW.id AS INTEGER) > (SELECT value FROM "oauthtoken_meta" WHERE name = 'last_id')
		BEGIN
			UPDATE "oauthtoken_meta" SET value = CAST(NEW.id AS INTEGER) WHERE name = 'last_id';
		END;
CREATE TRIGGER "oauthtoken_foreign_version" AFTER INSERT ON "oauthtoken" FOR EACH ROW WHEN NEW.created_at IS NULL
		BEGIN
			UPDATE "oauthtoken" SET version = 1000 * CAST(strftime('%s', 'now') AS INTEGER) WHERE id = NEW.id;
		END;
CREATE TRIGGER "oauthtoken_foreign_update" AFTER UPDATE ON "oauthtoken" FOR EACH ROW
		WHEN NEW.version = OLD.version
		BEGIN
			UPDATE "oauthtoken" SET version = OLD.version + 1,
				state = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token OR NEW.access_token IS NOT OLD.access_token
					THEN NULL ELSE NEW.state END,
				claim = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.claim END,
				mints = CASE WHEN NEW.refresh_token IS NOT OLD.refresh_token THEN NULL ELSE NEW.mints END
			WHERE id = NEW.id;
		END;
COMMIT;
