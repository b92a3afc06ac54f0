-- The tables as version 1 of the schema had them, with two rows. {table}, {meta} and {name} stand for
-- the quoted names of the tables and the bare name of the first.

CREATE TABLE {table} (
  id varchar(10) NOT NULL,
  user_name mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  client_id mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  client_secret mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  refresh_token mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  access_token mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  grant_token mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  expiry_time varchar(20) DEFAULT NULL,
  redirect_url mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  api_domain mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  version bigint NOT NULL DEFAULT 1,
  accounts_server mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  data_centre mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  scopes mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  state mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  claim mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  mints mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
  created_at bigint DEFAULT NULL,
  updated_at bigint DEFAULT NULL,
  used_at bigint DEFAULT NULL,
  seen varchar(40) CHARACTER SET ascii DEFAULT NULL,
  touched datetime(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  PRIMARY KEY (id),
  KEY {name}_user_name (user_name(191)),
  KEY {name}_access_token (access_token(191)),
  KEY {name}_grant_token (grant_token(191)),
  KEY {name}_refresh_token (refresh_token(191))
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE {meta} (name varchar(40) NOT NULL, value bigint NOT NULL, PRIMARY KEY (name)) ENGINE=InnoDB;

INSERT INTO {table} VALUES
('1000000000', 'a@example.com:60001', '1000.CLIENT', 'secret.a', '1000.refresh.0123456789abcdef0123456789abcdef.a', '1000.access.0123456789abcdef0123456789abcdef.a', '1000.grant.a', '1795459190603', 'https://app.example/cb', 'https://www.zohoapis.eu', 2, 'https://accounts.zoho.eu', 'eu', 'ZohoCRM.modules.ALL
ZohoCRM.users.READ', 'throttled 1795459190001 1795459190002 3 ten in ten minutes', '1795459190003 host:1:AAAA:BB', '1795459190004,1795459190005', NULL, 1795738647785, 1795459190006, 'SPCOfLf07AY1 oHEifNkBQLz0 _TfKJp6e2mb1', NULL),
('1000000001', NULL, NULL, NULL, NULL, '1000.lonely', NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, 1795738647793, 1795738647793, NULL, '47DEQpj8HBSa yXBdgGSAyg8n 47DEQpj8HBSa', NULL);

INSERT INTO {meta} VALUES ('last_id', 1000000001), ('schema', 1);
