-- For docker-compose.yml: Kith's role owns its database and nothing else.
create role kith login nosuperuser;
create database kith owner kith template template0;
