-- The tables as version 1 of the schema had them, with two rows. {table}, {meta} and {name} stand for
-- the quoted names of the tables and the bare name of the first.

CREATE TABLE {table} (
  id varchar(10) NOT NULL COLLATE "C",
  user_name text,
  client_id text,
  client_secret text,
  refresh_token text,
  access_token text,
  grant_token text,
  expiry_time varchar(20) DEFAULT NULL,
  redirect_url text,
  api_domain text,
  version bigint NOT NULL DEFAULT 1,
  accounts_server text,
  data_centre text,
  scopes text,
  state text,
  claim text,
  mints text,
  created_at bigint DEFAULT NULL,
  updated_at bigint DEFAULT NULL,
  used_at bigint DEFAULT NULL,
  seen text,
  writer bigint,
  PRIMARY KEY (id)
);

CREATE TABLE {meta} (name varchar(40) NOT NULL PRIMARY KEY, value bigint NOT NULL);

INSERT INTO {table} VALUES
('1000000000', 'a@example.com:60001', '1000.CLIENT', 'secret.a', '1000.refresh.0123456789abcdef0123456789abcdef.a', '1000.access.0123456789abcdef0123456789abcdef.a', '1000.grant.a', '1795459190603', 'https://app.example/cb', 'https://www.zohoapis.eu', 2, 'https://accounts.zoho.eu', 'eu', 'ZohoCRM.modules.ALL
ZohoCRM.users.READ', 'throttled 1795459190001 1795459190002 3 ten in ten minutes', '1795459190003 host:1:AAAA:BB', '1795459190004,1795459190005', NULL, 1795738647785, 1795459190006, 'SPCOfLf07AY1 oHEifNkBQLz0 _TfKJp6e2mb1', NULL),
('1000000001', NULL, NULL, NULL, NULL, '1000.lonely', NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, 1795738647793, 1795738647793, NULL, '47DEQpj8HBSa yXBdgGSAyg8n 47DEQpj8HBSa', NULL);

UPDATE {table} SET writer = txid_current() % 4294967296;

INSERT INTO {meta} VALUES ('last_id', 1000000001), ('schema', 1);

CREATE INDEX {name}_user_name ON {table} USING hash (user_name);

CREATE INDEX {name}_access_token ON {table} USING hash (access_token);

CREATE INDEX {name}_grant_token ON {table} USING hash (grant_token);

CREATE INDEX {name}_refresh_token ON {table} USING hash (refresh_token);
